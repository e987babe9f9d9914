// A process of its own that writes to a file store, for tests of races and kills. Arguments: the folder, and how many rounds, or `write`.
const { FileStore } = require('@showtell/shared/object-store/file');

const [folder, rounds] = process.argv.slice(2);
const store = new FileStore(folder);

async function write() {
  for (let i = 0; ; i++) await store.put(`write/${i}`, Buffer.alloc(200_000, i));
}

async function increment() {
  for (;;) {
    const { body, etag } = await store.get('counter');
    if ((await store.replace('counter', Buffer.from(String(Number(body) + 1)), etag)).replaced) return;
  }
}

async function race() {
  const created = [];
  let incremented = 0;
  for (let round = 0; round < Number(rounds); round++) {
    if ((await store.putIfAbsent(`created/${round}`, Buffer.from(String(process.pid)))).created) created.push(round);
    await increment();
    incremented += 1;
  }
  process.send({ created, incremented });
  process.disconnect();
}

process.once('message', () => void (rounds === 'write' ? write() : race()));
process.send('ready');
