import type { Env, Handler } from './files.ts'

/** As far as it is used here. */
declare const Bun: {
  readonly env: Env
  serve(options: { port: number; hostname: string; fetch: Handler }): { readonly port: number }
}

export function serve(createServer: (env: Env) => Handler): void {
  const { port } = Bun.serve({ port: 0, hostname: '0.0.0.0', fetch: createServer(Bun.env) })
  console.log(`port ${port}`)
}
