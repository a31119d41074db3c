import { metrics, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { openTelemetry } from 'idplug/opentelemetry'
import { createTestIssuer } from 'idplug/testing'
import { afterEach, expect, it } from 'vitest'

const declaration = {
  resource: 'https://mcp.example.com/mcp',
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
} as const

const spans = new InMemorySpanExporter()
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: measured })
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))

afterEach(() => spans.reset())

it('counts decisions, and shows calls to the provider as spans', async () => {
  const issuer = createTestIssuer()
  const auth = createAuth(declaration, { env: {}, providers: [issuer.provider], observer: openTelemetry() })
  const handle = protect(auth, () => new Response('ok'))
  const call = (token?: string) =>
    handle(
      new Request(declaration.resource, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }),
      }),
    )
  const good = await issuer.token({ scopes: ['files:read'] })
  for (const token of [good, good, undefined, await issuer.token(), await issuer.token({ expiresInSeconds: -60 })]) {
    await call(token)
  }

  await reader.forceFlush()
  const all = measured.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
  const points = (name: string) => all.find(metric => metric.descriptor.name === name)?.dataPoints ?? []
  expect(points('idplug.decisions').map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ 'idplug.outcome': 'accepted', 'idplug.provider': 'test-issuer' }, 2],
    [{ 'idplug.outcome': 'refused', 'http.response.status_code': 401, 'idplug.reason': 'no_credentials' }, 1],
    [
      {
        'idplug.outcome': 'refused',
        'idplug.provider': 'test-issuer',
        'http.response.status_code': 403,
        'idplug.reason': 'scope_missing',
      },
      1,
    ],
    [{ 'idplug.outcome': 'refused', 'http.response.status_code': 401, 'idplug.reason': 'expired' }, 1],
  ])
  expect(points('idplug.validation.duration')[0]?.value).toMatchObject({ count: 4 })
  expect(
    points('idplug.token_cache.lookups').map(({ attributes, value }) => [attributes['idplug.outcome'], value]),
  ).toEqual([
    ['miss', 3],
    ['hit', 1],
  ])
  const calls = spans
    .getFinishedSpans()
    .map(({ name, attributes, status }) => ({ name, attributes, status: status.code }))
  expect(calls.map(({ name }) => name)).toEqual(['idplug discovery', 'idplug jwks'])
  expect(calls[1]?.attributes).toEqual({ 'idplug.operation': 'jwks', 'idplug.outcome': 'answered' })
})

it('marks the span of a call that failed, and adds the decision to the span of the request', async () => {
  const observer = openTelemetry()
  observer.providerCall?.({ operation: 'introspection', outcome: 'unavailable', milliseconds: 1500 })
  const [span] = spans.getFinishedSpans()
  expect(span?.status).toEqual({ code: 2, message: 'unavailable' })
  const [seconds = 0, nanoseconds = 0] = span?.duration ?? []
  expect(seconds + nanoseconds / 1e9).toBeCloseTo(1.5, 2)
})

it('shows what our own authorization server does: its events, and its calls to the store and the provider', async () => {
  const observer = openTelemetry()
  observer.authorizationServer?.('signed_in', { subject: 'alice' })
  observer.authorizationServerCall?.({ dependency: 'store', operation: 'get', outcome: 'ok', milliseconds: 2 })
  observer.authorizationServerCall?.({
    dependency: 'upstream',
    operation: 'recheck',
    outcome: 'nobody',
    milliseconds: 3,
  })
  observer.authorizationServerCall?.({ dependency: 'store', operation: 'set', outcome: 'unavailable', milliseconds: 4 })

  expect(spans.getFinishedSpans().map(({ name, status }) => [name, status.code])).toEqual([
    ['idplug store get', 0],
    ['idplug upstream recheck', 0],
    ['idplug store set', 2],
  ])
  await reader.forceFlush()
  const all = measured.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
  const points = (name: string) => all.find(metric => metric.descriptor.name === name)?.dataPoints ?? []
  expect(points('idplug.authorization_server.events').map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ 'idplug.event': 'signed_in' }, 1],
  ])
  expect(points('idplug.authorization_server.call.duration').map(({ attributes }) => attributes)).toEqual([
    { 'idplug.dependency': 'store', 'idplug.operation': 'get', 'idplug.outcome': 'ok' },
    { 'idplug.dependency': 'upstream', 'idplug.operation': 'recheck', 'idplug.outcome': 'nobody' },
    { 'idplug.dependency': 'store', 'idplug.operation': 'set', 'idplug.outcome': 'unavailable' },
  ])
})
