import { z } from 'zod'
import { httpsUrl, strictObject } from '../src/adapter-options.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { adjusted, contrast, EDGE_CONTRAST, TEXT_CONTRAST } from './contrast.ts'
import { readFileBeside, readJsonFile } from './files.ts'

/** How the pages of our authorization server show whose they are. */
export interface BrandingConfiguration {
  readonly name?: string
  readonly logo?: { readonly type: 'image/svg+xml' | 'image/png'; readonly bytes: Uint8Array }
  readonly colors?: Readonly<Record<Mode, Colors>>
  readonly links?: { readonly terms?: string; readonly privacy?: string; readonly support?: string }
}

/** As `#rrggbb`. */
interface Colors {
  /** Of links and of the button that allows. */
  readonly accent: string
  /** Of words on that button. */
  readonly onAccent: string
  /** Behind the card. */
  readonly background: string
}

type Mode = 'light' | 'dark'

/** Colors of the pages that stay as they are, and with which those of the operator meet. A test compares them with the stylesheet. */
export const PAGE_COLORS = {
  light: { accent: '#3b4cca', background: '#f3f4f8', card: '#ffffff', note: '#fff6de', quiet: '#5a5e72' },
  dark: { accent: '#93a0ff', background: '#14151c', card: '#1e202a', note: '#2e2815', quiet: '#a9adc1' },
} as const

const color = () =>
  z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/, 'must be a color such as #0b6b3a')
    .toLowerCase()
const colors = () => strictObject({ accent: color().optional(), background: color().optional() }).default({})

const contact = () =>
  httpsUrl.or(
    z
      .string()
      .regex(/^mailto:[^\s@<>"]+@[^\s@<>"]+$/, 'must be a URL that starts with https://, or mailto: and an address'),
  )

const brandingFile = () =>
  strictObject({
    $schema: z.string().optional(),
    name: z.string().trim().min(1).max(60).optional(),
    logo: z.string().min(1).optional(),
    colors: strictObject({ light: colors(), dark: colors() }).optional(),
    links: strictObject({
      terms: httpsUrl.optional(),
      privacy: httpsUrl.optional(),
      support: contact().optional(),
    }).optional(),
  })

const SEE = 'docs/bridge.md'

/**
 * The file that `AUTH_BRANDING` names.
 *
 * @param problems - Every problem is added to it.
 */
export function loadBranding(path: string | undefined, problems: ConfigProblem[]): BrandingConfiguration | undefined {
  if (path === undefined) return undefined
  const report = (problem: string) => void problems.push({ setting: 'AUTH_BRANDING', problem, see: SEE })
  const file = readJsonFile(path)
  if ('problem' in file) return report(`names a file that ${file.problem}`) as undefined
  const parsed = brandingFile().safeParse(file.value)
  for (const issue of parsed.error?.issues ?? []) report(`${issue.path.join('.') || 'file'}: ${issue.message}`)
  if (!parsed.data) return undefined
  const { name, links } = parsed.data
  return {
    name,
    links,
    logo: parsed.data.logo === undefined ? undefined : readLogo(parsed.data.logo, path, report),
    colors: parsed.data.colors && completed(parsed.data.colors, report),
  }
}

const MAX_LOGO_BYTES = 100_000

/** @param path - Of the file that names the logo: the logo is looked for from there. */
function readLogo(logo: string, path: string, report: (problem: string) => void): BrandingConfiguration['logo'] {
  const file = readFileBeside(path, logo)
  if ('problem' in file) return report(`logo: names a file that ${file.problem}`) as undefined
  const { bytes } = file
  if (bytes.length > MAX_LOGO_BYTES) {
    return report(`logo: has ${bytes.length} bytes; it may have ${MAX_LOGO_BYTES}`) as undefined
  }
  const type = typeOf(bytes)
  if (!type) return report('logo: is neither an SVG nor a PNG picture') as undefined
  return { type, bytes }
}

/** By what is in it, so that its name does not matter. */
function typeOf(bytes: Uint8Array): 'image/svg+xml' | 'image/png' | undefined {
  if ([0x89, 0x50, 0x4e, 0x47].every((byte, at) => bytes[at] === byte)) return 'image/png'
  const text = new TextDecoder().decode(bytes)
  return /^\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/.test(text)
    ? 'image/svg+xml'
    : undefined
}

type Chosen = z.output<ReturnType<typeof colors>>

/** What is missing follows from what is there, as far as it can be read. */
function completed(chosen: Readonly<Record<Mode, Chosen>>, report: (problem: string) => void) {
  return { light: colorsOf('light', chosen, report), dark: colorsOf('dark', chosen, report) }
}

function colorsOf(mode: Mode, chosen: Readonly<Record<Mode, Chosen>>, report: (problem: string) => void): Colors {
  const { card, note, quiet, ...ours } = PAGE_COLORS[mode]
  const other = chosen[mode === 'light' ? 'dark' : 'light']
  const toward = mode === 'light' ? 'black' : 'white'
  const background = chosen[mode].background ?? ours.background
  const onBackground = contrast(quiet, background)
  if (onBackground < TEXT_CONTRAST) {
    const away = mode === 'light' ? 'white' : 'black'
    const better = adjusted(background, away, candidate => contrast(quiet, candidate) >= TEXT_CONTRAST)
    report(
      tooClose(
        `colors.${mode}.background`,
        background,
        `the text on it (${quiet})`,
        onBackground,
        TEXT_CONTRAST,
        better,
      ),
    )
  }
  const needs: readonly [what: string, color: string, least: number][] = [
    [`the card (${card})`, card, TEXT_CONTRAST],
    [`notes (${note})`, note, TEXT_CONTRAST],
    [`the background (${background})`, background, EDGE_CONTRAST],
  ]
  const isReadable = (candidate: string) => needs.every(([, color, least]) => contrast(candidate, color) >= least)
  const accent =
    chosen[mode].accent ?? (other.accent === undefined ? ours.accent : adjusted(other.accent, toward, isReadable))
  const failed = needs.find(([, color, least]) => contrast(accent, color) < least)
  if (failed && onBackground >= TEXT_CONTRAST) {
    const [what, color, least] = failed
    const better = adjusted(accent, toward, isReadable)
    report(tooClose(`colors.${mode}.accent`, accent, what, contrast(accent, color), least, better))
  }
  const onAccent = contrast(accent, '#ffffff') >= TEXT_CONTRAST ? '#ffffff' : '#000000'
  return { accent, onAccent, background }
}

function tooClose(path: string, color: string, what: string, ratio: number, least: number, better: string): string {
  // Rounded down: 4.49 is not 4.5.
  const shown = Math.floor(ratio * 100) / 100
  return `${path}: ${color} against ${what} has a contrast of ${shown}:1, and WCAG AA asks for ${least}:1. ${better} would do`
}
