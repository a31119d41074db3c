import { afterAll } from 'vitest'
import { buildNext, startNext } from '../next-app/next-server.ts'
import { describeNext } from '../support/describe-next.ts'

await buildNext()
const next = await startNext(false)
afterAll(() => next.close())

describeNext('next start', next)
