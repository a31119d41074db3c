/** How the pages show whose they are. Everything is optional, and looks like this product where it is absent. */
export interface Branding {
  /** Of the operator, at the top of each page. */
  name?: string
  /** A picture of the operator, beside the name and as the icon of the page. Served by this server. */
  logo?: { type: 'image/svg+xml' | 'image/png'; bytes: Uint8Array }
  /** The caller checks that text can be read on them. */
  colors?: { light?: Colors; dark?: Colors }
  /** At the bottom of each page. */
  links?: { terms?: string; privacy?: string; support?: string }
}

/** As `#rrggbb`. */
export interface Colors {
  /** Of links and of the button that allows. */
  accent?: string
  /** Of words on that button. */
  onAccent?: string
  /** Behind the card. */
  background?: string
}

/** What a page is rendered for. */
export interface Site {
  /** Path below which the server stands: it is put before the addresses of its own. */
  mount: string
  branding: Branding
  /** Address of the stylesheet. */
  stylesheet: string
  /** Address of the picture at the top, which is the icon of the page as well. */
  picture: string
}
