//! A folder of policies: what is in it, and what of it cannot be read.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bailiwick_policy::suite::Case;
use bailiwick_policy::{Bundle, EntityData, RoleRule};
use serde::de::DeserializeOwned;

use super::note::{CASES, ENTITIES, LINKS, Note, ROLES, SCHEMA};

/// No text of policies is larger; entities and cases may be many.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// How deep folders are looked for policies.
const MAX_DEPTH: usize = 16;

/// What a folder holds.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Schema, policies and links.
    pub(super) bundle: Bundle,
    pub(super) roles: Vec<RoleRule>,
    pub(super) entities: Vec<EntityData>,
    pub(super) cases: Vec<Case>,
    /// What could not be read.
    pub(super) notes: Vec<Note>,
}

impl Folder {
    /// Reads a folder.
    ///
    /// # Errors
    /// When it is none, or holds nothing of what it may hold.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            bail!("{} is no folder", path.display());
        }
        let mut folder = Self {
            path: path.to_owned(),
            bundle: Bundle::default(),
            roles: Vec::new(),
            entities: Vec::new(),
            cases: Vec::new(),
            notes: Vec::new(),
        };
        folder.policies(path, 0)?;
        folder.bundle.schema = folder.text(SCHEMA);
        folder.bundle.links = folder.json(LINKS);
        folder.roles = folder.json(ROLES);
        folder.entities = folder.json(ENTITIES);
        folder.cases = folder.json(CASES);
        if folder.is_empty() && folder.notes.is_empty() {
            bail!("{} holds neither policies nor a schema nor roles", path.display());
        }
        Ok(folder)
    }

    /// Whether there is nothing to decide by.
    fn is_empty(&self) -> bool {
        let Bundle { schema, policies, .. } = &self.bundle;
        schema.is_none() && policies.is_empty() && self.roles.is_empty()
    }

    /// Takes the policies of a folder and of those below it; links and what is hidden are left out.
    fn policies(&mut self, at: &Path, depth: usize) -> anyhow::Result<()> {
        let list = fs::read_dir(at).with_context(|| at.display().to_string())?;
        for entry in list {
            let entry = entry.with_context(|| at.display().to_string())?;
            let (path, name) = (entry.path(), entry.file_name());
            let kind = entry.file_type().with_context(|| path.display().to_string())?;
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                if depth >= MAX_DEPTH {
                    bail!("{} is more than {MAX_DEPTH} folders deep", path.display());
                }
                self.policies(&path, depth + 1)?;
            } else if kind.is_file() && path.extension().is_some_and(|e| e == "cedar") {
                let inside = path.strip_prefix(&self.path).unwrap_or(&path);
                let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
                let name = parts.join("/");
                if let Some(text) = self.text(&name) {
                    self.bundle.policies.insert(name, text);
                }
            }
        }
        Ok(())
    }

    /// The text of a file; `None` when it is not there, or noted when it cannot be read.
    fn text(&mut self, name: &str) -> Option<String> {
        let path = self.path.join(name);
        let large = fs::metadata(&path).is_ok_and(|file| file.len() > MAX_FILE);
        let read = if large { Err(ErrorKind::FileTooLarge.into()) } else { fs::read(&path) };
        let message = match read.map(String::from_utf8) {
            Ok(Ok(text)) => return Some(text),
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            Ok(Err(_)) => "is not UTF-8".to_owned(),
            Err(e) => e.to_string(),
        };
        self.notes.push(Note::error(&self.path, name, message));
        None
    }

    fn json<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(text) = self.text(name) else { return T::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            self.notes.push(Note::json(&self.path, name, &error));
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_found_in_folders_below() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("one")).expect("made");
            fs::write(path, text).expect("written");
        };
        assert!(Folder::read(folder.path()).is_err(), "nothing is there");
        put("a.cedar", b"// a");
        put("b/c/d.cedar", b"// d");
        put(".git/x.cedar", b"// x");
        put("readme.md", b"");
        put("links.json", b"[{\"id\": 1}]");
        put("bad.cedar", b"\xff");
        let found = Folder::read(folder.path()).expect("a folder");
        let names: Vec<_> = found.bundle.policies.keys().collect();
        assert_eq!(names, ["a.cedar", "b/c/d.cedar"]);
        let files: Vec<_> = found.notes.iter().map(|n| (n.file.as_str(), n.line)).collect();
        assert_eq!(files.len(), 2, "{files:?}");
        assert!(files.iter().any(|(file, line)| file.ends_with("links.json") && *line == Some(1)));
        assert!(Folder::read(&folder.path().join("a.cedar")).is_err(), "no folder");
    }
}
