/* A plugin of QEMU (API version 1) that counts how often control went from block to block.
 *
 * The same figures as run/profile.py's hook in unicorn: a count belongs to the owner of the block
 * that was left. Argument owners=FILE: lines "address owner" in hexadecimal; where control enters
 * such an address its owner takes over; owner 0 is the program around the model. Arguments
 * begin=, end= are addresses: counting lasts from the first arrival at begin to that at end.
 * Argument out=FILE receives lines "owner previous next count", a block being
 * address << 16 | instructions, and a last line "owner previous 0 0": where it ended.
 *
 * The few functions of the interface that are used are declared here, so that no header of QEMU
 * is needed to build it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
typedef void (*mf_tb_translated_t)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*mf_executed_t)(unsigned, void *);
typedef void (*mf_exit_t)(qemu_plugin_id_t, void *);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, mf_tb_translated_t);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, mf_executed_t, int, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, mf_exit_t, void *);

#define MF_EXPORT __attribute__((visibility("default")))
MF_EXPORT extern int qemu_plugin_version;
MF_EXPORT int qemu_plugin_install(qemu_plugin_id_t, const void *, int, char **);
int qemu_plugin_version = 1;

/* A block as it was translated; `owner` is -1 where control entering it changes no owner. */
typedef struct {
  uint64_t address;
  uint32_t instructions; /* their sizes are not asked for: QEMU errs at the end of a page */
  int32_t owner;
} block_t;

typedef struct {
  uint64_t key[2]; /* previous block, next block: address << 16 | instructions */
  uint64_t count;
  int32_t owner;
} edge_t;

static edge_t *edges;
static size_t capacity, used;
static struct {
  uint64_t address;
  int32_t owner;
} *owners;
static size_t owner_count;
static uint64_t begin_address, end_address, previous;
static int32_t current;
static int state; /* 0 before, 1 counting, 2 after */
static const char *out_path = "";

static size_t slot_of(const edge_t *table, size_t size, uint64_t a, uint64_t b, int32_t owner) {
  size_t at = (size_t)((a * 0x9E3779B97F4A7C15u) ^ (b * 0xC2B2AE3D27D4EB4Fu) ^ (uint64_t)owner);
  at ^= at >> 29;
  for (at &= size - 1; table[at].count != 0; at = (at + 1) & (size - 1)) {
    if (table[at].key[0] == a && table[at].key[1] == b && table[at].owner == owner) {
      break;
    }
  }
  return at;
}

static void grow(void) {
  const size_t larger = capacity ? capacity * 2 : 1024;
  edge_t *table = calloc(larger, sizeof *table);
  if (table == NULL) {
    abort();
  }
  for (size_t i = 0; i < capacity; i++) {
    if (edges[i].count != 0) {
      table[slot_of(table, larger, edges[i].key[0], edges[i].key[1], edges[i].owner)] = edges[i];
    }
  }
  free(edges);
  edges = table;
  capacity = larger;
}

static void on_block(unsigned cpu, void *data) {
  (void)cpu;
  const block_t *block = data;
  if (state == 0 && block->address == begin_address) {
    state = 1;
  }
  if (state == 1 && block->address == end_address) {
    state = 2;
  }
  if (state != 1) {
    return;
  }
  const uint64_t here = block->address << 16 | block->instructions;
  if (2 * used >= capacity) {
    grow();
  }
  edge_t *edge = &edges[slot_of(edges, capacity, previous, here, current)];
  used += edge->count == 0;
  edge->key[0] = previous;
  edge->key[1] = here;
  edge->owner = current;
  edge->count++;
  previous = here;
  if (block->owner >= 0) {
    current = block->owner;
  }
}

static void on_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  block_t *block = malloc(sizeof *block); /* lives as long as the translation may */
  if (block == NULL) {
    abort();
  }
  block->address = qemu_plugin_tb_vaddr(tb);
  block->instructions = (uint32_t)qemu_plugin_tb_n_insns(tb);
  block->owner = -1;
  for (size_t i = 0; i < owner_count; i++) {
    if (owners[i].address == block->address) {
      block->owner = owners[i].owner;
    }
  }
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, 0, block);
}

static void on_end(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  FILE *file = fopen(out_path, "w");
  if (file == NULL) {
    return;
  }
  for (size_t i = 0; i < capacity; i++) {
    const edge_t *e = &edges[i];
    if (e->count != 0) {
      fprintf(file, "%" PRIx32 " %" PRIx64 " %" PRIx64 " %" PRIu64 "\n", (uint32_t)e->owner,
              e->key[0], e->key[1], e->count);
    }
  }
  fprintf(file, "%" PRIx32 " %" PRIx64 " 0 0\n", (uint32_t)current, previous);
  fclose(file);
}

static void read_owners(const char *path) {
  FILE *file = fopen(path, "r");
  unsigned long long address;
  unsigned owner;
  while (file != NULL && fscanf(file, "%llx %x", &address, &owner) == 2) {
    void *larger = realloc(owners, (owner_count + 1) * sizeof *owners);
    if (larger == NULL) {
      abort();
    }
    owners = larger;
    owners[owner_count].address = address;
    owners[owner_count++].owner = (int32_t)owner;
  }
  if (file != NULL) {
    fclose(file);
  }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "owners=", 7) == 0) {
      read_owners(argv[i] + 7);
    } else if (strncmp(argv[i], "begin=", 6) == 0) {
      begin_address = strtoull(argv[i] + 6, NULL, 16);
    } else if (strncmp(argv[i], "end=", 4) == 0) {
      end_address = strtoull(argv[i] + 4, NULL, 16);
    } else if (strncmp(argv[i], "out=", 4) == 0) {
      out_path = argv[i] + 4;
    }
  }
  grow();
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
  qemu_plugin_register_atexit_cb(id, on_end, NULL);
  return 0;
}
