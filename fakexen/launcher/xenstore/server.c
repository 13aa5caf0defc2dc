/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server.c: xenstored: its socket and clients, and what the toolstack writes about the
 * domains. One thread. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/launcher/launcher.h"
#include "fakexen/launcher/xenstore/store.h"

#define CLIENTS_MOST 256
#define UNREAD_MOST (4u << 20)  /* a client that never reads is dropped */

struct client {
	struct store_client store;      /* first */
	int fd;                         /* -1: dropped */
	struct xsd_sockmsg header;
	char body[XENSTORE_PAYLOAD_MAX + 1];
	size_t received;                /* of header and body */
	char *out;
	size_t out_size;
};

/* What the store says of a domain slot. A domain's numbers are kept: when it is found to be
 * gone, its slot is empty, or another's. */
struct known {
	enum { ABSENT, INTRODUCED, SHUT_DOWN } state;
	uint32_t id;
	char uuid[37];
};

struct xenstore {
	struct launcher *launcher;
	struct store store;
	pthread_t thread;
	uint32_t ending;
	int socket, bell;
	struct sockaddr_un address;
	unsigned int client_count;
	struct client *clients[CLIENTS_MOST];
	struct known *known;            /* of each domain slot */
};

/* ---- what the toolstack writes ---- */

static void put(struct store *store, const char *folder, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	store_put(store, path, value);
}

static void uuid_text(char text[37], const uint8_t uuid[16])
{
	for (unsigned int i = 0; i < 16; i++)
		text += sprintf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			uuid[i]);
}

static void introduce(struct store *store, struct known *known, const struct fx_domain *domain)
{
	char folder[64], vm[64], text[32];

	known->state = INTRODUCED;
	known->id = domain->id;
	uuid_text(known->uuid, domain->uuid);
	snprintf(folder, sizeof(folder), "/local/domain/%u", domain->id);
	snprintf(vm, sizeof(vm), "/vm/%s", known->uuid);
	snprintf(text, sizeof(text), "%u", domain->id);
	put(store, folder, "name", domain->name);
	put(store, folder, "domid", text);
	if (!domain->id)
		return;
	put(store, folder, "vm", vm);
	put(store, vm, "name", domain->name);
	put(store, vm, "uuid", known->uuid);
	snprintf(text, sizeof(text), "%" PRIu64, domain->max_pages * 4);
	put(store, folder, "memory/static-max", text);
	put(store, folder, "memory/target", text);
	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		snprintf(text, sizeof(text), "cpu/%u/availability", i);
		put(store, folder, text, "online");
	}
	put(store, folder, "control/shutdown", "");
	store_announce(store, "@introduceDomain", domain->id);
}

static void release(struct store *store, struct known *known)
{
	char path[64];

	known->state = ABSENT;
	snprintf(path, sizeof(path), "/local/domain/%u", known->id);
	store_remove(store, path);
	snprintf(path, sizeof(path), "/vm/%s", known->uuid);
	store_remove(store, path);
	store_announce(store, "@releaseDomain", known->id);
}

static void look_at(struct store *store, struct known *known, const struct fx_domain *domain)
{
	bool alive = domain->state == FX_DOMAIN_ALIVE;

	if (known->state != ABSENT && (!alive || domain->id != known->id))
		release(store, known);
	if (alive && known->state == ABSENT)
		introduce(store, known, domain);
	if (alive && known->state == INTRODUCED && fx_load_acquire(&domain->shutdown)) {
		known->state = SHUT_DOWN;
		store_announce(store, "@releaseDomain", known->id);
	}
}

/* Who is new, who has shut down, who is gone. */
static void look_at_domains(struct xenstore *xenstore)
{
	struct launcher *launcher = xenstore->launcher;

	world_hold(launcher->world);
	for (unsigned int slot = 0; slot < launcher->model->domain_slots; slot++)
		look_at(&xenstore->store, &xenstore->known[slot],
			fx_domain(launcher->model, slot));
	world_release(launcher->world);
}

static bool domain_exists(void *opaque, uint32_t domid)
{
	struct launcher *launcher = ((struct xenstore *)opaque)->launcher;
	const struct fx_domain *domain;
	bool exists;

	world_hold(launcher->world);
	domain = fx_domain_find(launcher->model, domid);
	exists = domain && domain->state == FX_DOMAIN_ALIVE;
	world_release(launcher->world);
	return exists;
}

/* ---- clients ---- */

static void drop(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static void flush(struct client *client)
{
	ssize_t sent;

	while (client->fd >= 0 && client->out_size) {
		sent = send(client->fd, client->out, client->out_size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent <= 0) {
			drop(client);
			return;
		}
		client->out_size -= (size_t)sent;
		memmove(client->out, client->out + sent, client->out_size);
	}
}

static void send_message(struct store_client *store_client, const struct xsd_sockmsg *header,
	const void *body)
{
	struct client *client = (struct client *)store_client;
	size_t size = sizeof(*header) + header->len;
	char *out;

	if (client->fd < 0)
		return;
	out = client->out_size + size > UNREAD_MOST ? NULL :
		realloc(client->out, client->out_size + size);
	if (!out) {
		drop(client);
		return;
	}
	client->out = out;
	memcpy(out + client->out_size, header, sizeof(*header));
	memcpy(out + client->out_size + sizeof(*header), body, header->len);
	client->out_size += size;
	flush(client);
}

/* Where the next bytes go, and how many are wanted. */
static size_t wanted(struct client *client, char **at)
{
	if (client->received < sizeof(client->header)) {
		*at = (char *)&client->header + client->received;
		return sizeof(client->header) - client->received;
	}
	*at = client->body + client->received - sizeof(client->header);
	return sizeof(client->header) + client->header.len - client->received;
}

static void receive(struct xenstore *xenstore, struct client *client)
{
	char *at;
	size_t size = wanted(client, &at);
	ssize_t got = size ? recv(client->fd, at, size, MSG_DONTWAIT) : 0;

	if (size && got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size && got <= 0) {
		drop(client);
		return;
	}
	client->received += (size_t)got;
	if (client->received < sizeof(client->header))
		return;
	if (client->header.len > XENSTORE_PAYLOAD_MAX) {
		drop(client);
		return;
	}
	if (client->received < sizeof(client->header) + client->header.len)
		return;
	client->body[client->header.len] = '\0';
	client->received = 0;
	store_request(&xenstore->store, &client->store, &client->header, client->body);
}

static void accept_client(struct xenstore *xenstore)
{
	int fd = accept4(xenstore->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;

	if (!client || xenstore->client_count == CLIENTS_MOST) {
		free(client);
		if (fd >= 0)
			close(fd);
		return;
	}
	client->fd = fd;
	client->store.send = send_message;
	store_join(&xenstore->store, &client->store);
	xenstore->clients[xenstore->client_count++] = client;
}

static void bury_dropped(struct xenstore *xenstore)
{
	for (unsigned int i = 0; i < xenstore->client_count;) {
		struct client *client = xenstore->clients[i];

		if (client->fd >= 0) {
			i++;
			continue;
		}
		store_part(&xenstore->store, &client->store);
		free(client->out);
		free(client);
		xenstore->clients[i] = xenstore->clients[--xenstore->client_count];
	}
}

/* ---- the thread ---- */

static void step(struct xenstore *xenstore)
{
	struct pollfd fds[2 + CLIENTS_MOST] = {
		{ .fd = xenstore->socket, .events = POLLIN },
		{ .fd = xenstore->bell, .events = POLLIN },
	};
	unsigned int count = xenstore->client_count;
	uint64_t rings;

	for (unsigned int i = 0; i < count; i++) {
		const struct client *client = xenstore->clients[i];

		fds[2 + i] = (struct pollfd){ .fd = client->fd,
			.events = (short)(POLLIN | (client->out_size ? POLLOUT : 0)) };
	}
	if (poll(fds, 2 + count, -1) < 0)
		return;
	if (fds[1].revents && read(xenstore->bell, &rings, sizeof(rings)) > 0)
		look_at_domains(xenstore);
	for (unsigned int i = 0; i < count; i++) {
		if (fds[2 + i].revents & POLLOUT)
			flush(xenstore->clients[i]);
		if (fds[2 + i].revents & ~POLLOUT && xenstore->clients[i]->fd >= 0)
			receive(xenstore, xenstore->clients[i]);
	}
	if (fds[0].revents)
		accept_client(xenstore);
	bury_dropped(xenstore);
}

static void *thread_main(void *argument)
{
	struct xenstore *xenstore = argument;

	while (!fx_load_acquire(&xenstore->ending))
		step(xenstore);
	return NULL;
}

void xenstore_notice(struct xenstore *xenstore)
{
	uint64_t one = 1;

	if (write(xenstore->bell, &one, sizeof(one)) < 0)
		log_line("xenstore: %s", strerror(errno));
}

void xenstore_start(struct launcher *launcher)
{
	struct xenstore *xenstore = calloc(1, sizeof(*xenstore));

	if (!xenstore || store_init(&xenstore->store))
		die("out of memory");
	xenstore->launcher = launcher;
	xenstore->store.domain_exists = domain_exists;
	xenstore->store.opaque = xenstore;
	xenstore->known = calloc(launcher->model->domain_slots, sizeof(*xenstore->known));
	if (!xenstore->known)
		die("out of memory");
	store_put(&xenstore->store, "/tool/xenstored", "");
	look_at_domains(xenstore);
	xenstore->address.sun_family = AF_UNIX;
	snprintf(xenstore->address.sun_path, sizeof(xenstore->address.sun_path), "%s/%s",
		launcher->folder, FX_XENSTORE_SOCKET);
	xenstore->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	xenstore->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (xenstore->bell < 0 || xenstore->socket < 0 ||
	    bind(xenstore->socket, (struct sockaddr *)&xenstore->address,
		    sizeof(xenstore->address)) || listen(xenstore->socket, 64))
		die("socket %s: %s", xenstore->address.sun_path, strerror(errno));
	launcher->xenstore = xenstore;
	if (pthread_create(&xenstore->thread, NULL, thread_main, xenstore))
		die("no thread for xenstore");
}

void xenstore_end(struct xenstore *xenstore)
{
	fx_store_release(&xenstore->ending, 1);
	xenstore_notice(xenstore);
	pthread_join(xenstore->thread, NULL);
	for (unsigned int i = 0; i < xenstore->client_count; i++)
		drop(xenstore->clients[i]);
	bury_dropped(xenstore);
	store_free(&xenstore->store);
	close(xenstore->socket);
	close(xenstore->bell);
	free(xenstore->known);
	free(xenstore);
}
