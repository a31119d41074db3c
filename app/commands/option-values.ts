import { InvalidArgumentError } from 'commander'

/** A port to listen on; 0 stands for any that is free. */
export function portNumber(value: string): number {
  const port = Number(value)
  if (!/^\d+$/.test(value) || port > 65_535) throw new InvalidArgumentError('Expected a port number from 0 to 65535.')
  return port
}

/** Words between spaces or commas. */
export function words(value: string): string[] {
  return value.split(/[\s,]+/).filter(Boolean)
}
