import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

/** Proxies that ask us, and such that send everything to us: to one server, or to several. */
export type ProxyName = 'nginx' | 'caddy'
export type InFront = `${ProxyName | 'haproxy' | 'apache'}-in-front`
type Name = ProxyName | InFront | 'haproxy-several'

export interface ProxyPorts {
  /** Where clients come. */
  readonly listen: number
  readonly idplug: number
  /** Absent where only we know it. */
  readonly target?: number
  /** Where there are several. */
  readonly second?: number
}

const configuration = (name: string) => readFileSync(new URL(`../../docs/proxies/${name}`, import.meta.url), 'utf8')

/** The documented configuration at these ports, and changed. Each address must stand in it. */
function placed(name: string, { listen, idplug, target, second }: ProxyPorts, change?: Change): string {
  const addresses = [
    [/(?<=listen |bind :|^:|\*:)8080\b/gim, String(listen)],
    [/127\.0\.0\.1:3232\b/g, `127.0.0.1:${idplug}`],
    ...(second === undefined ? [] : [[/127\.0\.0\.1:3233\b/g, `127.0.0.1:${second}`] as const]),
    ...(target === undefined ? [] : [[/127\.0\.0\.1:8000\b/g, `127.0.0.1:${target}`] as const]),
  ] as const
  // Comments name them, too.
  const text = configuration(name).replace(/^\s*#.*$/gm, '')
  const changed = change?.(text) ?? text
  if (change && changed === text) throw new Error(`the change finds nothing to change in ${name}`)
  return addresses.reduce((text, [pattern, address]) => {
    if (text.search(pattern) === -1) throw new Error(`${name} has nothing that matches ${pattern}`)
    return text.replace(pattern, address)
  }, changed)
}

/** Where a configuration that is made for a server may not write in a test. */
const NGINX_PLACES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map(name => `${name}_temp_path ${name};`)
  .join('\n')

type Change = (configuration: string) => string
type Start = (folder: string, ports: ProxyPorts, file: string, change?: Change) => readonly string[]

const startNginx: Start = (folder, ports, file, change) => {
  const text = placed(file, ports, change).replace('http {', `http {\n${NGINX_PLACES}\naccess_log off;`)
  writeFileSync(join(folder, 'nginx.conf'), text)
  return ['nginx', '-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
}

const startCaddy: Start = (folder, ports, file, change) => {
  const text = `{\nadmin off\nauto_https off\n}\n${placed(file, ports, change)}`
  writeFileSync(join(folder, 'Caddyfile'), text)
  return ['caddy', 'run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')]
}

const startHaproxy: Start = (folder, ports, file) => {
  writeFileSync(join(folder, 'haproxy.cfg'), placed(file, ports))
  return ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')]
}

const startApache: Start = (folder, ports, file) => {
  const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'headers']
  const lines = [
    ...modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    `ServerRoot ${folder}`,
    'ServerName localhost',
    `DefaultRuntimeDir ${folder}`,
    'PidFile apache.pid',
    'ErrorLog error.log',
    // As root it would do its work as somebody else.
    ...(process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []),
    placed(file, ports),
  ]
  writeFileSync(join(folder, 'apache.conf'), lines.join('\n'))
  return ['apache2', '-D', 'FOREGROUND', '-d', folder, '-f', join(folder, 'apache.conf')]
}

const starts: Record<Name, readonly [file: string, start: Start]> = {
  nginx: ['nginx.conf', startNginx],
  caddy: ['Caddyfile', startCaddy],
  'nginx-in-front': ['nginx-in-front.conf', startNginx],
  'caddy-in-front': ['Caddyfile-in-front', startCaddy],
  'haproxy-in-front': ['haproxy-in-front.cfg', startHaproxy],
  'haproxy-several': ['haproxy-several.cfg', startHaproxy],
  'apache-in-front': ['apache-in-front.conf', startApache],
}

/** Debian keeps servers outside of the PATH of users. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/**
 * Starts a proxy of the system with its configuration of `docs/proxies`. Stopped when the test ends.
 *
 * @param change - Makes a mistake in it (nginx, Caddy). Default: none.
 * @returns What it has written to standard error.
 */
export async function startProxy(name: Name, ports: ProxyPorts, change?: Change): Promise<() => string> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-proxy-'))
  mkdirSync(join(folder, 'home'))
  const [file, start] = starts[name]
  const [command = '', ...args] = start(folder, ports, file, change)
  const child = spawn(command, args, { env: { PATH, HOME: join(folder, 'home') }, stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', chunk => {
    output += chunk
  })
  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      output += `${error.message}: apt-get install nginx-light caddy haproxy apache2`
      resolve()
    })
    child.once('close', () => resolve())
  })
  onTestFinished(async () => {
    // Caddy would wait for connections that clients keep; nginx has workers to end.
    child.kill(name.startsWith('caddy') ? 'SIGKILL' : 'SIGTERM')
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
    { timeout: 60_000, interval: 20 },
  )
  return () => output
}
