//! Theme variables: a tenant's accent colours, made legible (WCAG 2.2, 1.4.3 and 1.4.11).

use std::fmt;

use bailiwick_domain::tenant::Theme;

/// The product's accents, for tenants that set none.
const ACCENT: Rgb = Rgb([0x0b, 0x66, 0x5e]);
const ACCENT_DARK: Rgb = Rgb([0x63, 0xcf, 0xbf]);

/// What accents stand on: the darkest light and the lightest dark surface of `pages.css`.
const LIGHT: Rgb = Rgb([0xf4, 0xf5, 0xf3]);
const DARK: Rgb = Rgb([0x1b, 0x20, 0x22]);

const BLACK: Rgb = Rgb([0; 3]);
const WHITE: Rgb = Rgb([0xff; 3]);

/// The least contrast of text: WCAG AA.
const AA: f64 = 4.5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rgb([u8; 3]);

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Rgb {
    /// `#rrggbb`. Anything else is `None`, so that a theme can put nothing but a colour into CSS.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let channel = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        (digits.len() == 6).then_some(Self([channel(0)?, channel(2)?, channel(4)?]))
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast ratio (WCAG 2.2), 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Black or white, whichever reads better on this colour. One of them always has 4.5.
    fn text_on(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(BLACK) { WHITE } else { BLACK }
    }

    /// This colour, moved towards black or white until it is legible on `surface`.
    fn legible_on(self, surface: Self) -> Self {
        let end = surface.text_on();
        let mix = |step: u16| {
            let channel = |from: u8, to: u8| {
                let sum = u16::from(from) * (20 - step) + u16::from(to) * step;
                u8::try_from(sum / 20).unwrap_or(u8::MAX)
            };
            let ([r, g, b], [er, eg, eb]) = (self.0, end.0);
            Self([channel(r, er), channel(g, eg), channel(b, eb)])
        };
        (0..20).map(mix).find(|c| c.contrast(surface) >= AA).unwrap_or(end)
    }
}

/// The theme as CSS custom properties: `--accent` fills buttons, `--on-accent` is the text on it,
/// and `--accent-text` is the accent where it must be legible itself: links, edges, focus.
pub(super) fn css(theme: &Theme) -> String {
    let colour = |text: &Option<String>| text.as_deref().and_then(Rgb::parse);
    let light = colour(&theme.accent).unwrap_or(ACCENT);
    let dark = match (colour(&theme.accent_dark), colour(&theme.accent)) {
        (Some(dark), _) => dark,
        (None, Some(light)) => light.legible_on(DARK),
        (None, None) => ACCENT_DARK,
    };
    let variables = |accent: Rgb, surface: Rgb| {
        format!(
            ":root{{--accent:{accent};--on-accent:{};--accent-text:{}}}",
            accent.text_on(),
            accent.legible_on(surface)
        )
    };
    format!(
        "{}@media(prefers-color-scheme:dark){{{}}}",
        variables(light, LIGHT),
        variables(dark, DARK)
    )
}

/// The accent of a mail's button, on which white is legible.
pub(super) fn accent(theme: &Theme) -> String {
    let accent = theme.accent.as_deref().and_then(Rgb::parse).unwrap_or(ACCENT);
    accent.legible_on(WHITE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = super::super::STYLE;

    fn variables(css: &str) -> Vec<(&str, Rgb)> {
        let lines = css.lines().map(str::trim).filter(|l| l.starts_with("--"));
        lines
            .filter_map(|line| line.trim_end_matches(';').split_once(": "))
            .filter_map(|(name, value)| Some((name, Rgb::parse(value)?)))
            .collect()
    }

    #[test]
    fn the_stylesheet_has_aa_contrast_in_both_schemes() {
        let (light, dark) =
            STYLE.split_once("@media (prefers-color-scheme: dark)").expect("a dark scheme");
        let dark = dark.split_once("@media").map_or(dark, |(scheme, _)| scheme);
        for (css, page, accent) in [(light, LIGHT, ACCENT), (dark, DARK, ACCENT_DARK)] {
            let all = variables(css);
            let get = |name: &str| {
                all.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}")).1
            };
            let surfaces = ["--page", "--surface", "--raised"].map(get);
            assert!(surfaces.contains(&page), "the surface that accents are checked on");
            for surface in surfaces {
                for text in ["--text", "--muted", "--danger"] {
                    assert!(get(text).contrast(surface) >= AA, "{text} on {surface}");
                }
                assert!(get("--edge").contrast(surface) >= 3.0, "edges of fields on {surface}");
                assert!(accent.legible_on(page).contrast(surface) >= AA, "links on {surface}");
            }
            for text in ["--text", "--danger"] {
                assert!(get(text).contrast(get("--danger-surface")) >= AA, "{text} in an alert");
            }
            assert_eq!(accent.legible_on(page), accent, "the default accent needs no help");
        }
    }

    #[test]
    fn any_accent_is_legible() {
        let levels = [0x00, 0x33, 0x66, 0x77, 0x80, 0x99, 0xcc, 0xff];
        for r in levels {
            for g in levels {
                for b in levels {
                    let accent = Rgb([r, g, b]);
                    assert!(accent.contrast(accent.text_on()) >= AA, "text on {accent}");
                    for surface in [LIGHT, DARK] {
                        let text = accent.legible_on(surface);
                        assert!(text.contrast(surface) >= AA, "{text} on {surface}");
                    }
                }
            }
        }
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert_eq!(Rgb([0xff, 0xe0, 0x00]).text_on(), BLACK, "black on yellow");
        assert_eq!(Rgb([0x1a, 0x2b, 0x8c]).text_on(), WHITE, "white on navy");
    }

    #[test]
    fn a_theme_becomes_colours_and_nothing_else() {
        let theme = |accent: &str, dark: Option<&str>| {
            css(&Theme {
                accent: Some(accent.into()),
                accent_dark: dark.map(Into::into),
                logo: None,
            })
        };
        assert!(
            theme("#FFE000", None)
                .starts_with(":root{--accent:#ffe000;--on-accent:#000000;--accent-text:#")
        );
        assert!(theme("#111111", None).contains("dark){:root{--accent:#"));
        assert!(!theme("#111111", None).contains("dark){:root{--accent:#111111"), "lightened");
        assert!(theme("#111111", Some("#abcdef")).contains("dark){:root{--accent:#abcdef"));
        for hostile in ["red;}body{display:none", "#12345", "#12345g", "#+1+1+1", "#1234\u{e9}"] {
            assert_eq!(theme(hostile, None), css(&Theme::default()), "{hostile}");
        }
    }
}
