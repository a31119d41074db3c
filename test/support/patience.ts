// A set-up file of all tests: `vi.waitFor` and `vi.waitUntil` give up after a second, which a busy machine may need for a
// single step, and Vitest has a setting for `expect.poll` only. Nobody waits that long unless something is broken.
import { vi } from 'vitest'

const PATIENCE_MILLISECONDS = 60_000

type Options = number | { timeout?: number; interval?: number; message?: string } | undefined
const patient = (options: Options) =>
  typeof options === 'number' ? options : { timeout: PATIENCE_MILLISECONDS, ...options }

const { waitFor, waitUntil } = vi
vi.waitFor = (callback, options) => waitFor(callback, patient(options))
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options))
