import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

export type ProxyName = 'nginx' | 'caddy'

export interface ProxyPorts {
  /** Where clients come. */
  readonly listen: number
  readonly idplug: number
  readonly target: number
}

const configuration = (name: string) => readFileSync(new URL(`../../docs/proxies/${name}`, import.meta.url), 'utf8')

/** The documented configuration at these ports. Each address must stand in it. */
function placed(name: string, { listen, idplug, target }: ProxyPorts): string {
  const addresses = [
    [/(?<=listen |^:)8080\b/gm, String(listen)],
    [/127\.0\.0\.1:3232\b/g, `127.0.0.1:${idplug}`],
    [/127\.0\.0\.1:8000\b/g, `127.0.0.1:${target}`],
  ] as const
  // Comments name them, too.
  return addresses.reduce(
    (text, [pattern, address]) => {
      if (text.search(pattern) === -1) throw new Error(`${name} has nothing that matches ${pattern}`)
      return text.replace(pattern, address)
    },
    configuration(name).replace(/^\s*#.*$/gm, ''),
  )
}

/** Where a configuration that is made for a server may not write in a test. */
const NGINX_PLACES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map(name => `${name}_temp_path ${name};`)
  .join('\n')

const starts: Record<ProxyName, (folder: string, ports: ProxyPorts) => readonly string[]> = {
  nginx(folder, ports) {
    const text = placed('nginx.conf', ports).replace('http {', `http {\n${NGINX_PLACES}\naccess_log off;`)
    writeFileSync(join(folder, 'nginx.conf'), text)
    return ['nginx', '-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
  },
  caddy(folder, ports) {
    const text = `{\nadmin off\nauto_https off\n}\n${placed('Caddyfile', ports)}`
    writeFileSync(join(folder, 'Caddyfile'), text)
    return ['caddy', 'run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')]
  },
}

/** Debian keeps servers outside of the PATH of users. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/**
 * Starts a proxy of the system with its configuration of `docs/proxies`. Stopped when the test ends.
 *
 * @returns What it has written to standard error.
 */
export async function startProxy(name: ProxyName, ports: ProxyPorts): Promise<() => string> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-proxy-'))
  mkdirSync(join(folder, 'home'))
  const [command = '', ...args] = starts[name](folder, ports)
  const child = spawn(command, args, { env: { PATH, HOME: join(folder, 'home') }, stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', chunk => {
    output += chunk
  })
  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      output += `${error.message}: apt-get install nginx-light caddy`
      resolve()
    })
    child.once('close', () => resolve())
  })
  onTestFinished(async () => {
    // Caddy would wait for connections that clients keep; nginx has workers to end.
    child.kill(name === 'caddy' ? 'SIGKILL' : 'SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  await vi.waitUntil(
    async () => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`${name} ended: ${output}`)
      return fetch(`http://127.0.0.1:${ports.listen}/`).then(
        () => true,
        () => false,
      )
    },
    { timeout: 10_000, interval: 20 },
  )
  return () => output
}
