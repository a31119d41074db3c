import { expect, it, onTestFinished } from 'vitest'
import { markedFetch } from '../../../auth/watching.ts'
import { createProviderFetch } from '../../../src/provider-fetch.ts'
import { listen } from '../../support/http.ts'

it.each([{}, { HTTP_PROXY: 'http://127.0.0.1:9' }])('says that it is ours, with the network of %j', async env => {
  const { origin, close } = await listen(({ headers }, response) => {
    response.end(`${headers['user-agent']} ${headers.accept}`)
  })
  onTestFinished(close)
  const fetch = markedFetch(createProviderFetch(env))
  const answer = await fetch(origin, { headers: { accept: 'application/json' } })
  expect(await answer.text()).toBe('idplug application/json')
})
