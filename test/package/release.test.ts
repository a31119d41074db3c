import { describe, expect, it } from 'vitest'
import { releaseProblems } from '../../build/release-problems.ts'
import manifest from '../../package.json' with { type: 'json' }
import { root } from './built.ts'
import { run } from './npm.ts'

describe('npm run release', () => {
  it('lists the files of both packages with --dry-run, and publishes nothing', async () => {
    const { code, stdout } = await run(process.execPath, ['build/release.ts', '--dry-run'], root, {
      ...process.env,
      npm_config_registry: 'http://127.0.0.1:9',
    })
    expect(code).toBe(0)
    for (const name of ['idplug', '@idplug/server'])
      expect(stdout).toMatch(new RegExp(`^${name} ${manifest.version}: \\d+ files, [\\d.]+ kB`, 'm'))
    expect(stdout).toMatch(/[\d.]+ kB {2}lib\/core\.js/)
    expect(stdout).toContain('Nothing was published.')
  }, 600_000)

  const ready = { version: '0.1.0', changes: '', tags: ['v0.1.0'], changelog: '# Changelog\n\n## 0.1.0, 2027-01-31\n' }
  it('publishes what is committed, tagged and in the changelog', () => {
    expect(releaseProblems(ready)).toEqual([])
  })

  it.each([
    [{ changes: ' M index.ts' }, 'not committed'],
    [{ tags: ['v0.0.9'] }, 'no tag v0.1.0'],
    [{ changelog: '## Unreleased' }, 'CHANGELOG.md has no heading'],
  ])('does not publish with %j', (change, problem) => {
    expect(releaseProblems({ ...ready, ...change })).toEqual([expect.stringContaining(problem)])
  })
})
