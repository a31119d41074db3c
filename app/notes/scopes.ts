/** What this server's scopes allow, in words for a consent page. Imports nothing: the authorization server's setup reads it. */
export const scopeDescriptions = {
  'notes:read': 'Read your notes',
  'notes:write': 'Add and delete notes in your name',
  'notes:admin': 'See how many notes every user has',
} as const satisfies Record<string, string>

export type NotesScope = keyof typeof scopeDescriptions

/** Granted when a client asks for no scope in particular. */
export const defaultScopes: readonly NotesScope[] = ['notes:read']
