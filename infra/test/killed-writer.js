// A writer that dies by SIGKILL in the middle of its work. Arguments: address of the store, its endpoint (may be empty), what it writes.
const { commit } = require('@showtell/shared/commit');
const { sha256 } = require('@showtell/shared/hash');
const { keys } = require('@showtell/shared/keys');
const { openStore } = require('@showtell/shared/object-store/open');

const [, , url, endpoint, what] = process.argv;
const store = openStore(url, { endpoint: endpoint || undefined });
const body = Buffer.from(`orphan: ${what}`);
const die = () => process.kill(process.pid, 'SIGKILL');

/** Dies where the record would be written. */
async function commitHalf(key, recordKey) {
  store.putIfAbsent = die;
  await commit(store, { parts: [{ key, body }], recordKey, record: {} });
}

/** Dies when the first bytes have come. */
async function uploadHalf(key) {
  const look = async () => {
    for await (const { bytes } of store.leftovers()) if (bytes > 0) die();
  };
  setInterval(() => void look(), 1);
  for (;;) await store.upload(key, Buffer.alloc(2 ** 27));
}

const WORK = {
  shard: () => commitHalf(keys.shard('old', 2, sha256(body)), keys.commit('old', 2)),
  plan: () => commitHalf(keys.planPart('claimed', 0, sha256(body)), keys.plan('claimed')),
  captions: () => commitHalf(keys.captions('claimed', 'train', sha256(body)), keys.plan('claimed')),
  checkpoint: () => commitHalf(`${keys.checkpoint('pets', 6, 1)}weights.safetensors`, `${keys.checkpoint('pets', 6, 1)}COMMIT.json`),
  weights: () => store.put(keys.weights(sha256(body)), body).then(die),
  upload: () => uploadHalf(keys.weights(sha256(body))),
};

WORK[what]().catch((error) => {
  console.error(error);
  process.exit(1);
});
