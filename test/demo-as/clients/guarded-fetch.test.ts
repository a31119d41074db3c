import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  createGuardedFetch,
  FetchFailedError,
  FetchRefusedError,
  type HostAddress,
  InnerAddressError,
} from '../../../demo-as/clients/guarded-fetch.ts'
import { listen } from '../../support/http.ts'
import { listenHttps } from '../../support/https.ts'

const answers = (...addresses: string[]) =>
  vi.fn(
    async (_hostname: string): Promise<HostAddress[]> =>
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
  )
const toHere = () => answers('127.0.0.1')
const nobody = { allowedHosts: [], privateHosts: [] }

describe('a host on the way to a document', () => {
  it.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', '64:ff9b::a9fe:a9fe', 'fd00::1'])(
    'is refused when its name leads to %s',
    async address => {
      const get = createGuardedFetch({ ...nobody, resolve: answers(address) })
      await expect(get('https://client.example/c.json', {})).rejects.toThrow(
        new InnerAddressError(`client.example has the address ${address}, which is not public`),
      )
    },
  )

  it('is refused when one address of several is not public', async () => {
    const get = createGuardedFetch({ ...nobody, resolve: answers('8.8.8.8', '10.0.0.1') })
    await expect(get('https://client.example/c.json', {})).rejects.toThrow('10.0.0.1')
  })

  it('is refused though it is trusted, when its name leads inside: trust is in the host, not in its address', async () => {
    const get = createGuardedFetch({ allowedHosts: ['client.example'], privateHosts: [], resolve: toHere() })
    await expect(get('https://client.example/c.json', {})).rejects.toThrow(FetchRefusedError)
  })

  it.each([
    ['http', 'http://client.example/c.json', 'only https'],
    ['credentials', 'https://user@client.example/c.json', 'credentials'],
    ['another port', 'https://client.example:8443/c.json', 'not on port 443'],
    ['an IPv4 address', 'https://8.8.8.8/c.json', 'not a name'],
    ['an IPv4 address as a number', 'https://134744072/c.json', 'not a name'],
    ['an IPv6 address', 'https://[2606:4700::1]/c.json', 'not a name'],
    ['a file', 'file:///etc/passwd', 'only https'],
    ['no URL', 'client.example', 'only https'],
  ])('is not looked up at all with %s in the URL', async (_name, url, reason) => {
    const resolve = answers('8.8.8.8')
    const get = createGuardedFetch({ ...nobody, resolve })
    await expect(get(url, {})).rejects.toThrow(reason)
    expect(resolve).not.toHaveBeenCalled()
  })

  it('is not looked up when it is not among the allowed ones, not as a subdomain either', async () => {
    const resolve = answers('8.8.8.8')
    const get = createGuardedFetch({ allowedHosts: ['claude.ai'], privateHosts: [], resolve })
    for (const host of ['evil.example', 'x.claude.ai', 'claude.ai.evil.example', 'claude.ai:8443']) {
      await expect(get(`https://${host}/c.json`, {})).rejects.toThrow('not among the allowed hosts')
    }
    expect(resolve).not.toHaveBeenCalled()
  })
})

describe('a document', () => {
  it('comes from the address that was checked: the name is looked up once', async () => {
    const host = await listenHttps('client.example', (req, res) => res.end(`${req.headers.host} ${req.headers.accept}`))
    const resolve = toHere()
    const get = createGuardedFetch({ allowedHosts: [], privateHosts: [host], resolve })
    const { status, body } = await get(`https://${host}/c.json`, { accept: 'application/json' })
    expect({ status, body }).toEqual({ status: 200, body: `${host} application/json` })
    expect(resolve).toHaveBeenCalledTimes(1)
  })

  it('is not taken from a host with a certificate for another name', async () => {
    const host = await listenHttps('other.example', (_req, res) => res.end())
    const wrong = host.replace('other', 'client')
    const get = createGuardedFetch({ allowedHosts: [], privateHosts: [wrong], resolve: toHere() })
    await expect(get(`https://${wrong}/c.json`, {})).rejects.toThrow(FetchFailedError)
  })

  it('is not looked for where a redirect points', async () => {
    const asked: (string | undefined)[] = []
    const host = await listenHttps('client.example', (req, res) => {
      asked.push(req.url)
      res.writeHead(302, { location: '/other.json' }).end()
    })
    const get = createGuardedFetch({ allowedHosts: [], privateHosts: [host], resolve: toHere() })
    expect((await get(`https://${host}/c.json`, {})).status).toBe(302)
    expect(asked).toEqual(['/c.json'])
  })

  it('is given up when it is too large, without reading all of it', async () => {
    const host = await listenHttps('client.example', (_req, res) => {
      const write = () => res.write('x'.repeat(1000), error => !error && setImmediate(write))
      write()
    })
    const get = createGuardedFetch({ allowedHosts: [], privateHosts: [host], resolve: toHere(), maxBytes: 5000 })
    await expect(get(`https://${host}/c.json`, {})).rejects.toThrow('more than 5000 bytes')
  })

  it.each([
    ['no answer', () => {}],
    ['an answer that stops in its middle', (_req: unknown, res: { write(text: string): void }) => res.write('{')],
  ])('is given up when its time is over: %s', async (_name, listener) => {
    const host = await listenHttps('client.example', listener as never)
    const options = { allowedHosts: [], privateHosts: [host], resolve: toHere(), timeoutMilliseconds: 300 }
    await expect(createGuardedFetch(options)(`https://${host}/c.json`, {})).rejects.toThrow(FetchFailedError)
  })

  it.each([
    ['is never looked up', () => new Promise<never>(() => {})],
    ['is not known', async () => Promise.reject(new Error('ENOTFOUND'))],
    ['has no address', async () => []],
  ])('fails when the host name %s', async (_name, resolve) => {
    const get = createGuardedFetch({ ...nobody, resolve, timeoutMilliseconds: 50 })
    await expect(get('https://client.example/c.json', {})).rejects.toThrow(FetchFailedError)
  })
})

describe('behind a corporate proxy', () => {
  /** A proxy that leads every tunnel to `host`, and remembers what it was asked for. */
  async function startProxy(port: number) {
    const asked: (string | undefined)[] = []
    const proxy = createServer()
    const sockets = new Set<Socket>()
    proxy.on('connect', (req, socket: Socket) => {
      asked.push(req.url)
      const tunnel = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        tunnel.pipe(socket).pipe(tunnel)
      })
      for (const end of [tunnel, socket]) sockets.add(end.on('error', () => {}))
    })
    const listening = await listen(proxy)
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy()
      await listening.close()
    })
    return { asked, proxy: listening.origin }
  }
  const start = async () => {
    const host = await listenHttps('client.example', (req, res) => res.end(req.headers.host))
    return startProxy(Number(host.split(':')[1]))
  }

  it('the proxy is asked for the address that was checked', async () => {
    const { asked, proxy } = await start()
    const get = createGuardedFetch({ ...nobody, proxy, resolve: answers('93.184.216.34') })
    expect((await get('https://client.example/c.json', {})).body).toBe('client.example')
    expect(asked).toEqual(['93.184.216.34:443'])
  })

  it('the proxy is asked for an allowed host by its name, which this machine need not be able to look up', async () => {
    const { asked, proxy } = await start()
    const resolve = vi.fn(async () => Promise.reject(new Error('ENOTFOUND')))
    const get = createGuardedFetch({ allowedHosts: ['client.example'], privateHosts: [], proxy, resolve })
    expect((await get('https://client.example/c.json', {})).body).toBe('client.example')
    expect(asked).toEqual(['client.example:443'])
    expect(resolve).not.toHaveBeenCalled()
  })

  it('the proxy is not asked for inner addresses', async () => {
    const { asked, proxy } = await start()
    const get = createGuardedFetch({ ...nobody, proxy, resolve: answers('169.254.169.254') })
    await expect(get('https://client.example/c.json', {})).rejects.toThrow(FetchRefusedError)
    expect(asked).toEqual([])
  })
})
