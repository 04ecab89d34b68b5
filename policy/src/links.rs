//! Policies made of templates.

use cedar_policy::{PolicyId, PolicySet, SlotId, Template};

use crate::finding::suggest;
use crate::layer::Prepared;
use crate::parse::{Body, Item};
use crate::scan::tokens;
use crate::{Finding, LayerKind, Link, PolicyInfo};

fn wrong(link: &Link, message: impl Into<String>) -> Finding {
    Finding::new("links", message).policy(&link.id)
}

/// The template that a link names.
///
/// # Errors
/// There is none of that id.
pub(crate) fn template_of<'a>(
    link: &Link,
    items: &'a [Item],
) -> Result<(&'a Item, &'a Template), Finding> {
    let named = items.iter().find(|item| item.id == link.template);
    match named.map(|item| (item, &item.body)) {
        Some((item, Body::Template(template))) => Ok((item, template)),
        Some((_, Body::Policy(_))) => {
            let message = format!("`{}` is a policy", link.template.escape_debug());
            Err(wrong(link, message).help("a template has ?principal or ?resource in its scope"))
        }
        None => {
            let message = format!("there is no template `{}`", link.template.escape_debug());
            let templates = items.iter().filter(|item| matches!(item.body, Body::Template(_)));
            let help = suggest(&link.template, templates.map(|item| item.id.as_str()));
            Err(Finding { help, ..wrong(link, message) })
        }
    }
}

/// The policy that a link makes of a template that is in the set already.
///
/// # Errors
/// The slots of the template are not those that the link fills.
pub(crate) fn linked(
    link: &Link,
    item: &Item,
    template: &Template,
    checked: &mut PolicySet,
) -> Result<Prepared, Finding> {
    let given = [(SlotId::principal(), &link.principal), (SlotId::resource(), &link.resource)];
    for (slot, value) in &given {
        let wanted = template.slots().any(|other| other == slot);
        if wanted && value.is_none() {
            return Err(wrong(link, format!("nothing is given for {slot}")));
        }
        if !wanted && value.is_some() {
            return Err(wrong(link, format!("the template has no {slot}")));
        }
    }
    let values = given
        .into_iter()
        .filter_map(|(slot, value)| Some((slot, value.as_ref()?.cedar().clone())))
        .collect::<std::collections::HashMap<_, _>>();
    let id = PolicyId::new(&link.id);
    checked
        .link(template.id().clone(), id.clone(), values.clone())
        .map_err(|e| wrong(link, e.to_string()))?;
    let policy = checked.policy(&id).ok_or_else(|| wrong(link, "it cannot be linked"))?.clone();
    let info = PolicyInfo {
        id: link.id.as_str().into(),
        text: filled(&item.text, link).into(),
        ..item.info(LayerKind::Tenant)
    };
    let link = Some((template.clone(), values));
    Ok(Prepared { info, policy, link, referring: None, reach: item.reach() })
}

/// The text of a template with its slots filled.
fn filled(text: &str, link: &Link) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut before = None;
    for token in tokens(text) {
        let value = match token.text {
            "principal" => &link.principal,
            "resource" => &link.resource,
            _ => &None,
        };
        if before == Some("?")
            && let Some(uid) = value
        {
            // All but the question mark, which is directly in front.
            out.push_str(text.get(done..token.start - 1).unwrap_or_default());
            out.push_str(&uid.to_string());
            done = token.start + token.text.len();
        }
        before = Some(token.text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uid;

    #[test]
    fn slots_are_filled_outside_of_strings() {
        let link = Link {
            id: "l".to_owned(),
            template: "t".to_owned(),
            principal: Some(Uid::new("User", "a\"b").unwrap()),
            resource: None,
        };
        let text = "@why(\"?principal\") permit(principal == ?principal, action, resource);";
        assert_eq!(
            filled(text, &link),
            "@why(\"?principal\") permit(principal == User::\"a\\\"b\", action, resource);"
        );
    }
}
