// What somebody should know who runs `npm test` for the first time.
console.log(
  [
    'Takes about twenty minutes on two cores. `npx vitest run test/app` runs a part.',
    'Errors, warnings and stack traces in between are from tests that make things fail: only the summary at the end counts.',
  ].join('\n'),
)
