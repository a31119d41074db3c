import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { prometheus } from '../../app/observe/metrics.ts'

const folder = new URL('../../docs/examples/operations/', import.meta.url)
const rulesText = readFileSync(new URL('alerts.yaml', folder), 'utf8')

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: Record<string, string>
}
const rules = (parse(rulesText) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)

/** Of Debian's package prometheus; .ci/run installs it and then does without this exception. */
const hasPromtool = spawnSync('promtool', ['--version']).error === undefined
const promtool = (...args: string[]) => spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' })

describe('the alert rules', () => {
  it.skipIf(!hasPromtool && !process.env.CI)('are rules to promtool, and fire when they should', () => {
    const checked = promtool('check', 'rules', 'alerts.yaml')
    expect(checked.error?.message ?? checked.stderr).toBe('')
    expect(checked.status).toBe(0)
    const tested = promtool('test', 'rules', 'alerts.test.yaml')
    expect(tested.stderr).toBe('')
    expect(tested.status).toBe(0)
  })

  it.each(rules)('$alert asks for metrics that there are, by labels that they have', async ({ expr }) => {
    const { registry, sessions } = prometheus({ registry: new Registry() })
    sessions(() => 0)
    const metrics = new Map(
      registry
        .getMetricsAsArray()
        .map(metric => [metric.name, (metric as unknown as { labelNames: string[] }).labelNames]),
    )
    for (const [, name = '', selector = ''] of expr.matchAll(/\b(idplug_\w+?)(?:_bucket)?\b(?:\{([^}]*)\})?/g)) {
      expect([...metrics.keys()]).toContain(name)
      const labels = [...selector.matchAll(/(\w+)\s*(?:!?=|=~|!~)/g)].map(([, label]) => label)
      expect(labels.filter(label => !metrics.get(name)?.includes(String(label)))).toEqual([])
    }
  })

  it.each(rules)('$alert says what happens and what to do', ({ annotations, labels }) => {
    const { summary = '', description = '' } = annotations
    expect(summary).toMatch(/\.$/)
    expect(['page', 'warn']).toContain(labels.severity)
    for (const [path] of description.matchAll(/docs\/[\w/-]+\.md/g)) {
      expect(existsSync(new URL(`../../${path}`, import.meta.url)), path).toBe(true)
    }
    expect(description).not.toBe('')
  })
})

it('docs/production.md names every metric', () => {
  const page = readFileSync(new URL('../../docs/production.md', import.meta.url), 'utf8')
  const { registry, sessions } = prometheus({ registry: new Registry() })
  sessions(() => 0)
  const ofMigration = /_(accepted|shadow)_|accepted_timestamp/
  const names = registry.getMetricsAsArray().map(({ name }) => name)
  expect(names.filter(name => !page.includes(`\`${name}\``) && !ofMigration.test(name))).toEqual([])
})
