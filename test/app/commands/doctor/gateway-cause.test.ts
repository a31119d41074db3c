import { expect, it, vi } from 'vitest'
import { checkTargets } from '../../../../app/commands/doctor/gateway.ts'
import { ScanError } from '../../../../app/gateway/scan.ts'

vi.mock(import('../../../../app/gateway/scan.ts'), async actual => ({
  ...(await actual()),
  scanTarget: () => Promise.reject(new ScanError('It cannot be scanned')),
}))

it.each([
  ['url', { kind: 'url', url: 'http://127.0.0.1:9/sse', transport: 'sse' }, 'gateway.target_not_mcp'],
  ['command', { kind: 'command', command: ['some-server'], env: {}, processPer: 'session' }, 'gateway.command_fails'],
] as const)('a scan that fails without saying why is a finding: %s', async (_kind, place, code) => {
  const group = {
    id: 'one',
    env: {},
    declarations: { files: { name: 'Files', resource: 'https://mcp.example.com/mcp', scopes: {} } },
    targets: { files: { place, identity: { kind: 'none' } } },
  } as const
  expect(await checkTargets(group)).toMatchObject([{ code, seen: 'files: It cannot be scanned' }])
})
