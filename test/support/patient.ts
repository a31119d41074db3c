/** What all projects of tests share: nobody gives up on a busy machine before a minute has passed. */
export const patient = {
  setupFiles: [new URL('patience.ts', import.meta.url).pathname],
  expect: { poll: { timeout: 60_000 } },
}
