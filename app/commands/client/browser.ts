/** Opens it where the system does, or where `BROWSER` says: editors set that for a terminal on another machine. */
export async function openBrowser(url: string): Promise<void> {
  const { default: open } = await import('open')
  await open(url)
}

type Environment = Readonly<Record<string, string | undefined>>

/** Whether a browser that is opened here would be seen by somebody. */
export function hasBrowser(env: Environment, platform: string): boolean {
  if (env.CI && env.CI !== 'false') return false
  if (platform === 'darwin' || platform === 'win32') return !env.SSH_CONNECTION
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME || env.BROWSER)
}
