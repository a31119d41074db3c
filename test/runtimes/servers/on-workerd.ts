import type { Env, Handler } from './files.ts'

/** What a Worker exports. Its settings come with the first request. */
export function serve(createServer: (env: Env) => Handler): { fetch(request: Request, env: Env): unknown } {
  let handler: Handler | undefined
  return {
    fetch(request, env) {
      handler ??= createServer(env)
      return handler(request)
    },
  }
}
