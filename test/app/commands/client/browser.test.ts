import { expect, it } from 'vitest'
import { hasBrowser } from '../../../../app/commands/client/browser.ts'

it.each([
  ['linux', {}, false],
  ['linux', { DISPLAY: ':0' }, true],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, true],
  ['linux', { WSL_DISTRO_NAME: 'Debian' }, true],
  ['linux', { BROWSER: '/opt/editor/open-at-home.sh', SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' }, true],
  ['linux', { DISPLAY: ':99', CI: 'true' }, false],
  ['linux', { DISPLAY: ':0', CI: 'false' }, true],
  ['darwin', {}, true],
  ['darwin', { CI: '1' }, false],
  ['darwin', { SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' }, false],
  ['win32', {}, true],
])('on %s with %j, somebody sees a browser that is opened: %s', (platform, env, is) => {
  expect(hasBrowser(env, platform)).toBe(is)
})
