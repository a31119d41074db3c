import { afterAll } from 'vitest'
import { startNext } from '../next-app/next-server.ts'
import { describeNext } from '../support/describe-next.ts'

const next = await startNext(true)
afterAll(() => next.close())

describeNext('next dev', next)
