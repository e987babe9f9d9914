// Prepares like the real one, but dies of the photos named `deadly-…`.
process.once('message', ({ rows }) => {
  if (rows.some(({ imageId }) => imageId.startsWith('deadly'))) process.kill(process.pid, 'SIGKILL');
  process.send({ type: 'prepared', rows: rows.map((row) => ({ row, pixels: Buffer.from(row.imageId) })) });
});
process.send({ type: 'ready' });
