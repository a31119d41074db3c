/** The time in whole seconds since the Unix epoch, as tokens have it. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)
