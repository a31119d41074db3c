import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface Nginx {
  /** Microseconds of its worker so far. */
  cpu(): number
  stop(): Promise<void>
}

/**
 * The nginx of the system with one worker.
 *
 * @param http - What stands in the `http` block of a configuration.
 */
export async function startNginx(http: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-bench-'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${name};`)
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1;\nevents {}\nhttp {\n${temporary.join('\n')}\naccess_log off; keepalive_requests 1000000;\n${http}}\n`,
  )
  const args = ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
  const child = spawn('nginx', args, {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const worker = await workerOf(child)
  return {
    cpu: () => Number(readFileSync(`/proc/${worker}/schedstat`, 'utf8').split(' ')[0]) / 1000,
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'close')
      rmSync(folder, { recursive: true })
    },
  }
}

/** What stands in the `http` block of a documented configuration. */
export function documented(name: string): string {
  const text = readFileSync(new URL(`../docs/proxies/${name}`, import.meta.url), 'utf8')
  return /^http \{\n(.*)^\}/ms.exec(text)?.[1] ?? ''
}

async function workerOf({ pid }: ChildProcess): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const [worker] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    if (worker) return worker
    await wait(20)
  }
  throw new Error('nginx has not started: apt-get install nginx-light')
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
