import { networkInterfaces } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import { send } from '../edges/send.ts'
import { removeTemporaryFolders } from '../package/built.ts'
import { createProject } from './support/project.ts'
import { type Runtime, runtimes } from './support/runtimes.ts'

afterAll(removeTemporaryFolders)

// These two tell a handler who is asking.
describe.each(runtimes.filter(({ name }) => name === 'Bun' || name === 'Deno'))(
  'on $name',
  ({ platform, start }: Runtime) => {
    it('the demo sign-in lets in this machine, and no stranger, whatever name the request gives to this machine', async () => {
      const port = await start(await createProject().write('demo', platform), {})
      const path = '/.well-known/oauth-authorization-server'
      const headers = { host: `localhost:${port}` }
      const served = await send(`http://127.0.0.1:${port}`, { path, headers })
      expect([served.status, served.json()]).toEqual([
        200,
        expect.objectContaining({ issuer: 'http://localhost:3232' }),
      ])
      const refused = await send(`http://${addressOfOthers()}:${port}`, { path, headers })
      expect([refused.status, refused.json()]).toEqual([403, expect.objectContaining({ error: 'access_denied' })])
    })
  },
)

/** An address of this machine under which it is a stranger to itself. */
function addressOfOthers(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find(each => each && !each.internal && each.family === 'IPv4')
  if (!found) throw new Error('this test needs a network interface beside the loopback one')
  return found.address
}
