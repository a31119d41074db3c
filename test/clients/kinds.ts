/**
 * Where people sign in: at the demo on the server's own origin, at the demo on a port of its own, at Entra ID through a bridge on the
 * server's origin, at Auth0 itself, or at a provider that puts the right audience into every token. The latter three are emulated.
 */
export const kinds = ['demo', 'beside', 'bridge', 'auth0', 'oidc'] as const
export type Kind = (typeof kinds)[number]
