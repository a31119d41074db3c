import type { Env, Handler } from './files.ts'

/** As far as it is used here. */
declare const Deno: {
  readonly env: { toObject(): Env }
  serve(options: { port: number; hostname: string; onListen(address: { port: number }): void }, handler: Handler): void
}

export function serve(createServer: (env: Env) => Handler): void {
  const onListen = ({ port }: { port: number }) => console.log(`port ${port}`)
  Deno.serve({ port: 0, hostname: '0.0.0.0', onListen }, createServer(Deno.env.toObject()))
}
