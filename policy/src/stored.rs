//! What others ask of entities that were loaded, and of the types that there are.

use serde_json::{Map, Value};

use crate::{EntityData, Loaded, Snapshot};

impl Loaded {
    /// It, as somebody would describe it.
    #[must_use]
    pub fn data(&self) -> EntityData {
        let mut json = self.cedar().to_json_value().unwrap_or_default();
        let mut members = |name: &str| match json.get_mut(name).map(Value::take) {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        EntityData {
            uid: self.uid().clone(),
            attrs: members("attrs"),
            tags: members("tags"),
            parents: self.parents().to_vec(),
        }
    }
}

impl Snapshot {
    /// Whether entities of this type make sense: any do without a strict schema.
    #[must_use]
    pub fn knows_type(&self, kind: &str) -> bool {
        match &self.schema {
            Some(schema) if self.mode == crate::Mode::Strict => {
                schema.cedar.entity_types().any(|known| known.to_string() == kind)
            }
            _ => true,
        }
    }
}
