import { expect, it } from 'vitest'
import type { Access } from '../../src/auth.ts'
import { endWithToken } from '../../src/edges/fetch-stream.ts'
import { acceptedToken } from '../support/tokens.ts'

it('an event stream that breaks off in the handler tells its reader, and its token is no longer watched', async () => {
  let watched = true
  const access = {
    token: acceptedToken(),
    signal: new AbortController().signal,
    done: () => {
      watched = false
    },
  } as Partial<Access> as Access
  const broken = new ReadableStream({ pull: controller => controller.error(new Error('the tool failed')) })
  const response = endWithToken(new Response(broken, { headers: { 'content-type': 'text/event-stream' } }), access)
  await expect(response.text()).rejects.toThrow('the tool failed')
  expect(watched).toBe(false)
})
