import { onTestFinished } from 'vitest'
import { type Serving, serve } from './serving.ts'

/** {@link serve}, closed when the test ends. */
export async function serveForTest(options: Parameters<typeof serve>[0] = {}): Promise<Serving> {
  const serving = await serve(options)
  onTestFinished(() => serving.close())
  return serving
}
