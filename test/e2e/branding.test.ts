import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openPage } from '../support/chromium.ts'
import { startServers } from './servers.ts'

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1" fill="#0b6b3a"/></svg>'

function brandingFile(content: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'branding-'))
  writeFileSync(join(folder, 'logo.svg'), SVG)
  writeFileSync(join(folder, 'branding.json'), JSON.stringify(content))
  return join(folder, 'branding.json')
}

describe('AUTH_BRANDING', () => {
  it('is on the pages that people see, served by the authorization server under its policy', async () => {
    const links = { support: 'mailto:help@acme.example' }
    const colors = { light: { accent: '#0b6b3a' } }
    const { issuer } = await startServers({
      AUTH_BRANDING: brandingFile({ name: 'Acme Corporation', logo: 'logo.svg', colors, links }),
    })
    const page = await openPage()
    const complaints: string[] = []
    page.on('console', message => complaints.push(message.text()))
    await page.goto(`${issuer}/oauth/device`)
    expect(await page.title()).toBe('Connect a device – Acme Corporation')
    await page.getByText('Acme Corporation').waitFor()
    expect(await page.getByRole('link', { name: 'Support' }).getAttribute('href')).toBe(links.support)
    expect(await page.evaluate<number>('document.querySelector("header img").naturalWidth')).toBeGreaterThan(0)
    await page.getByLabel('Code').focus()
    const outline = 'getComputedStyle(document.activeElement).outlineColor'
    expect(await page.evaluate(outline)).toBe('rgb(11, 107, 58)')
    expect(complaints).toEqual([])

    const logo = await fetch(`${issuer}/oauth/assets/logo`)
    expect(await logo.text()).toBe(SVG)
    expect(logo.headers.get('content-type')).toBe('image/svg+xml')
    expect(logo.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  it('stops the start when a color cannot be read', async () => {
    const AUTH_BRANDING = brandingFile({ colors: { light: { accent: '#ffcc00' } } })
    await expect(startServers({ AUTH_BRANDING })).rejects.toThrow(/colors\.light\.accent: #ffcc00 .* 1\.51:1/)
  })
})
