import { afterEach, expect, it, vi } from 'vitest'
import { pathProblem, socketProblem } from '../../../auth/watch/socket-file.ts'
import { loadConfiguration } from '../../../config/load.ts'

afterEach(() => vi.unstubAllGlobals())

it('watches nothing without a path', () => {
  expect(loadConfiguration({ AUTH_WATCH: '/run/idplug/watch' }).settings.AUTH_WATCH).toBe('/run/idplug/watch')
  expect(loadConfiguration({}).settings.AUTH_WATCH).toBeUndefined()
})

it('takes no path that is too long for a socket', async () => {
  expect(pathProblem(`/${'x'.repeat(102)}`)).toBeUndefined()
  expect(await socketProblem(`/${'x'.repeat(103)}`)).toMatch(/at most 103 bytes/)
  // From the root on, also where it is given from here on.
  expect(pathProblem('x'.repeat(100))).toMatch(/at most 103 bytes/)
})

it('wants the name of a pipe on Windows', () => {
  vi.stubGlobal('process', { platform: 'win32', getBuiltinModule: () => undefined })
  expect(pathProblem('\\\\.\\pipe\\idplug')).toBeUndefined()
  expect(pathProblem('C:\\watch')).toMatch(/name of a pipe/)
})

it('is refused on Workers, which have no sockets that are files', () => {
  vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
  expect(() => loadConfiguration({ AUTH_WATCH: '/tmp/watch' })).toThrow(
    /AUTH_WATCH: cannot be used on Workers: remove it/,
  )
})
