//! What can be asked of the management API.

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What can be asked of the management API. The names are those of the schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

actions! {
    /// Read the tenant.
    GetTenant = "tenant.get",
    /// List its applications.
    ListApplications = "applications.list",
    /// Read an application.
    GetApplication = "applications.get",
    /// Register an application.
    CreateApplication = "applications.create",
    /// Change an application.
    UpdateApplication = "applications.update",
    /// Remove an application.
    DeleteApplication = "applications.delete",
    /// List its users.
    ListUsers = "users.list",
    /// Read a user.
    GetUser = "users.get",
    /// Create a user.
    CreateUser = "users.create",
    /// Change a user.
    UpdateUser = "users.update",
    /// Remove a user.
    DeleteUser = "users.delete",
    /// List its signing keys.
    ListSigningKeys = "signing_keys.list",
    /// Give its signing keys successors.
    RotateSigningKeys = "signing_keys.rotate",
    /// Revoke a signing key, with all that it signed.
    RevokeSigningKey = "signing_keys.revoke",
    /// List its groups.
    ListGroups = "groups.list",
    /// Read a group, and who is in it.
    GetGroup = "groups.get",
    /// Create a group.
    CreateGroup = "groups.create",
    /// Change a group, and who is in it.
    UpdateGroup = "groups.update",
    /// Remove a group.
    DeleteGroup = "groups.delete",
    /// List its roles.
    ListRoles = "roles.list",
    /// Read a role.
    GetRole = "roles.get",
    /// Create a role.
    CreateRole = "roles.create",
    /// Change a role.
    UpdateRole = "roles.update",
    /// Remove a role, from everybody who has it too.
    DeleteRole = "roles.delete",
    /// List who has which role.
    ListRoleAssignments = "role_assignments.list",
    /// Read one role of somebody.
    GetRoleAssignment = "role_assignments.get",
    /// Give somebody a role.
    CreateRoleAssignment = "role_assignments.create",
    /// Take a role from somebody.
    DeleteRoleAssignment = "role_assignments.delete",
    /// List its organizations.
    ListOrganizations = "organizations.list",
    /// Read an organization, and who is in it.
    GetOrganization = "organizations.get",
    /// Create an organization.
    CreateOrganization = "organizations.create",
    /// Change an organization, and who is in it.
    UpdateOrganization = "organizations.update",
    /// Remove an organization.
    DeleteOrganization = "organizations.delete",
    /// List the entities that it keeps for its policies.
    ListEntities = "entities.list",
    /// Read one of these entities.
    GetEntity = "entities.get",
    /// Write and remove these entities.
    WriteEntities = "entities.write",
    /// Read policies, drafts and versions.
    GetPolicies = "policies.get",
    /// Write drafts of policies.
    DraftPolicies = "policies.draft",
    /// Make other policies hold.
    ActivatePolicies = "policies.activate",
    /// Make other policies of this API hold.
    ActivateManagement = "management.activate",
    /// Read the log of decisions.
    ListDecisions = "decisions.list",
}
