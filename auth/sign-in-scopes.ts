/**
 * The scopes of a server that its clients are told to ask for at sign-in.
 *
 * @param declared - All scopes of the server.
 * @param setting - `AUTH_SIGN_IN_SCOPES`.
 * @returns `undefined` where the setting says nothing about this server: it may speak of another one of the process.
 */
export function signInScopes(declared: readonly string[], setting: readonly string[]): readonly string[] | undefined {
  if (setting.includes('all')) return declared
  const named = declared.filter(scope => setting.includes(scope))
  return named.length > 0 ? named : undefined
}
