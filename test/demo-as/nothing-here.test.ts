import { expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { files, notes, startServer } from './support.ts'

it.each(['/', '/elsewhere', '/oauth/token'])('a person who opens %s gets a page that says what this is', async path => {
  const { origin } = await startServer({ resources: [notes, files] })
  const page = await createBrowser().open(origin + path, { accept: 'text/html' })
  expect(page.status).toBe(path === '/oauth/token' ? 405 : 404)
  expect(page.text).toContain('signs people in for <strong>Notes</strong>, <strong>Files</strong>')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  const { status, headers } = await fetch(origin + path)
  expect({ status, type: headers.get('content-type') }).toEqual({
    status: page.status,
    type: 'application/json; charset=utf-8',
  })
})
