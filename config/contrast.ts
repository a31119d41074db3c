/** Ratio of contrast that WCAG 2.2 AA asks of text (1.4.3), and of what else has to be seen (1.4.11). */
export const TEXT_CONTRAST = 4.5
export const EDGE_CONTRAST = 3

/** How well two colors, each `#rrggbb`, stand out against each other: from 1, not at all, to 21 (WCAG 2.2, contrast ratio). */
export function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

/**
 * The color closest to `color`, on its way to black or to white, that passes.
 *
 * @param toward - Where it always passes in the end.
 */
export function adjusted(color: string, toward: 'black' | 'white', passes: (color: string) => boolean): string {
  const end = toward === 'black' ? 0 : 255
  for (let percent = 0; percent < 100; percent++) {
    const mixed = channels(color).map(value => Math.round(value + ((end - value) * percent) / 100))
    const candidate = `#${mixed.map(value => value.toString(16).padStart(2, '0')).join('')}`
    if (passes(candidate)) return candidate
  }
  return toward === 'black' ? '#000000' : '#ffffff'
}

const channels = (color: string) => [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16))

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = channels(color).map(value => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
