/**
 * Where people sign in: at the demo on the server's own origin, at the demo on a port of its own, at Entra ID through a bridge on the
 * server's origin, at Auth0 itself, or at a provider that puts the right audience into every token. The latter three are emulated.
 */
export const kinds = ['demo', 'beside', 'bridge', 'auth0', 'oidc'] as const
export type Kind = (typeof kinds)[number]

/**
 * Processes of ours that can be killed: the server with the demo as a process of its own, the server as a bridge to Entra ID, the
 * gateway in front of a server without sign-in, with the demo as a process of its own, and the server alone in front of Auth0.
 */
export const places = ['demo', 'bridge', 'gateway', 'direct'] as const
export type Place = (typeof places)[number]
