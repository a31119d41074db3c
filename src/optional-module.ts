/**
 * A module that is loaded where it is installed and used.
 *
 * @param specifier - Comes as a parameter, so that bundlers leave the module out.
 */
export async function optionalModule<T>(specifier: string): Promise<T | undefined> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as T
  } catch {
    return undefined
  }
}
