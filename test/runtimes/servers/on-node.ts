import { serveFetch } from '../../edges/serve-fetch.ts'
import type { Env, Handler } from './files.ts'

export async function serve(createServer: (env: Env) => Handler): Promise<void> {
  const { port } = await serveFetch(createServer(process.env as Env), 0)
  console.log(`port ${port}`)
}
