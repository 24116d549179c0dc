//! Permissions, and sets of them.

macro_rules! permissions {
    ($($name:ident),* $(,)?) => {
        #[expect(non_camel_case_types, reason = "each is the name of a constant below")]
        enum Place { $($name),*, End }

        impl Permission {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                pub const $name: Self = Self(Place::$name as u8);
            )*

            pub const COUNT: usize = Place::End as usize;

            /// The names, indexed by the permission's number.
            pub const NAMES: [&'static str; Self::COUNT] = [$(stringify!($name)),*];
        }
    };
}

/// A permission. Its number is its bit in a set and in the data file, so new permissions are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(u8);

permissions! {
    AGENT_ROLE_CREATE, AGENT_ROLE_DELETE, AGENT_ROLE_READ, AGENT_ROLE_UPDATE, AI_PROVIDER_READ, ALYX_RUN,
    ANNOTATION_CONFIG_CREATE, ANNOTATION_CONFIG_DELETE, ANNOTATION_CONFIG_READ, ANNOTATION_CONFIG_UPDATE,
    COST_CONFIG_CREATE, COST_CONFIG_DELETE, COST_CONFIG_READ, COST_CONFIG_UPDATE, CUSTOM_METRIC_CREATE,
    CUSTOM_METRIC_DELETE, CUSTOM_METRIC_READ, CUSTOM_METRIC_UPDATE, DASHBOARD_CREATE, DASHBOARD_DELETE,
    DASHBOARD_READ, DASHBOARD_RESTRICT, DASHBOARD_TEMPLATE_CREATE, DASHBOARD_TEMPLATE_DELETE,
    DASHBOARD_TEMPLATE_READ, DASHBOARD_TEMPLATE_UPDATE, DASHBOARD_UPDATE, DATASET_CREATE, DATASET_DELETE,
    DATASET_EXAMPLE_ANNOTATE, DATASET_EXAMPLE_CREATE, DATASET_EXAMPLE_DELETE, DATASET_EXAMPLE_READ,
    DATASET_EXAMPLE_UPDATE, DATASET_READ, DATASET_UPDATE, DATASET_VIEW_CREATE, DATASET_VIEW_DELETE,
    DATASET_VIEW_READ, DATASET_VIEW_UPDATE, DATA_FABRIC_CONNECTOR_CREATE, DATA_FABRIC_CONNECTOR_DELETE,
    DATA_FABRIC_CONNECTOR_READ, DATA_FABRIC_CONNECTOR_UPDATE, EVALUATOR_CREATE, EVALUATOR_DELETE, EVALUATOR_READ,
    EVALUATOR_UPDATE, EXPERIMENT_CREATE, EXPERIMENT_DELETE, EXPERIMENT_EVAL_TASK_CREATE,
    EXPERIMENT_EVAL_TASK_DELETE, EXPERIMENT_EVAL_TASK_READ, EXPERIMENT_EVAL_TASK_UPDATE, EXPERIMENT_READ,
    EXPERIMENT_RUN_ANNOTATE, EXPERIMENT_RUN_READ, EXPERIMENT_UPDATE, FILE_IMPORT_CREATE, FILE_IMPORT_DELETE,
    FILE_IMPORT_READ, FILE_IMPORT_UPDATE, LLM_INTEGRATION_CREATE, LLM_INTEGRATION_DELETE, LLM_INTEGRATION_UPDATE,
    MANAGED_AGENT_CREATE, MANAGED_AGENT_DELETE, MANAGED_AGENT_READ, MANAGED_AGENT_UPDATE, ML_MODEL_CREATE,
    ML_MODEL_DELETE, ML_MODEL_READ, ML_MODEL_UPDATE, MONITOR_CREATE, MONITOR_DELETE, MONITOR_READ, MONITOR_TRIGGER,
    MONITOR_UPDATE, ORGANIZATION_CREATE, ORGANIZATION_DELETE, ORGANIZATION_READ, ORGANIZATION_UPDATE,
    PLAYGROUND_RUN, PLAYGROUND_VIEW_CREATE, PLAYGROUND_VIEW_DELETE, PLAYGROUND_VIEW_READ, PLAYGROUND_VIEW_UPDATE,
    PROJECT_CREATE, PROJECT_DELETE, PROJECT_EVAL_TASK_CREATE, PROJECT_EVAL_TASK_DELETE, PROJECT_EVAL_TASK_READ,
    PROJECT_EVAL_TASK_UPDATE, PROJECT_READ, PROJECT_RESTRICT, PROJECT_SPAN_ANNOTATE, PROJECT_SPAN_CREATE,
    PROJECT_SPAN_DELETE, PROJECT_SPAN_EVAL_FEEDBACK_UPDATE, PROJECT_SPAN_READ, PROJECT_SPAN_UPDATE, PROJECT_UPDATE,
    PROMPT_CREATE, PROMPT_DELETE, PROMPT_OPTIMIZE_TASK_CREATE, PROMPT_OPTIMIZE_TASK_DELETE,
    PROMPT_OPTIMIZE_TASK_READ, PROMPT_OPTIMIZE_TASK_UPDATE, PROMPT_READ, PROMPT_RESTRICT, PROMPT_UPDATE,
    QUEUE_CREATE, QUEUE_DELETE, QUEUE_READ, QUEUE_RECORD_ANNOTATE, QUEUE_RECORD_CREATE, QUEUE_RECORD_DELETE,
    QUEUE_RECORD_READ, QUEUE_RECORD_UPDATE, QUEUE_UPDATE, REMOTE_ENDPOINT_INTEGRATION_CREATE,
    REMOTE_ENDPOINT_INTEGRATION_DELETE, REMOTE_ENDPOINT_INTEGRATION_READ, REMOTE_ENDPOINT_INTEGRATION_UPDATE,
    ROLE_BINDING_CREATE, ROLE_BINDING_DELETE, ROLE_BINDING_READ, ROLE_CREATE, ROLE_DELETE, ROLE_READ, ROLE_UPDATE,
    SERVICE_KEY_CREATE, SERVICE_KEY_READ, SERVICE_KEY_REVOKE, SPACE_CREATE, SPACE_DELETE, SPACE_READ, SPACE_UPDATE,
    TAG_CREATE, TAG_DELETE, TAG_READ, TAG_UPDATE, TRACE_VIEW_CREATE, TRACE_VIEW_DELETE, TRACE_VIEW_READ,
    TRACE_VIEW_UPDATE, USER_CREATE, USER_DELETE, USER_PERMISSION_UPDATE, USER_READ, USER_UPDATE,
}

impl Permission {
    pub fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.0)]
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|permission| permission.name() == name)
    }

    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).take(Self::COUNT).map(Self)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet([u64; 3]);

impl PermissionSet {
    pub const EMPTY: Self = Self([0; 3]);

    /// The size of a stored set, in bytes.
    pub const BYTES: usize = 24;

    #[must_use]
    pub const fn with(mut self, permission: Permission) -> Self {
        self.0[(permission.0 / 64) as usize] |= 1 << (permission.0 % 64);
        self
    }

    pub const fn of(permissions: &[Permission]) -> Self {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < permissions.len() {
            set = set.with(permissions[at]);
            at += 1;
        }
        set
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1], self.0[2] | other.0[2]])
    }

    pub const EVERYTHING: Self = Self::EMPTY.with_all(b"");

    /// All permissions whose name ends in `_READ`.
    pub const READING: Self = Self::EMPTY.with_all(b"_READ");

    /// Adds all permissions whose name has this ending.
    const fn with_all(mut self, ending: &[u8]) -> Self {
        let mut at = 0;
        while at < Permission::COUNT {
            let name = Permission::NAMES[at].as_bytes();
            let mut same = 0;
            while same < ending.len() && name[name.len() - 1 - same] == ending[ending.len() - 1 - same] {
                same += 1;
            }
            if same == ending.len() {
                self.0[at / 64] |= 1 << (at % 64);
            }
            at += 1;
        }
        self
    }

    /// The difference of two sets.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self([self.0[0] & !other.0[0], self.0[1] & !other.0[1], self.0[2] & !other.0[2]])
    }

    pub const fn contains(self, permission: Permission) -> bool {
        self.0[(permission.0 / 64) as usize] & (1 << (permission.0 % 64)) != 0
    }

    /// Whether this is a subset of the other.
    pub const fn is_within(self, other: Self) -> bool {
        self.0[0] & !other.0[0] == 0 && self.0[1] & !other.0[1] == 0 && self.0[2] & !other.0[2] == 0
    }

    pub const fn is_empty(self) -> bool {
        self.0[0] == 0 && self.0[1] == 0 && self.0[2] == 0
    }

    /// The permissions of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::all().filter(move |permission| self.contains(*permission))
    }

    /// The stored form: each number in little-endian order.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (part, number) in bytes.chunks_exact_mut(8).zip(self.0) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads the stored form. Ignores bits that this version does not know.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let has = |permission: &Permission| bytes[usize::from(permission.0 / 8)] & (1 << (permission.0 % 8)) != 0;
        Permission::all().filter(has).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_permission_has_its_own_name() {
        assert_eq!(Permission::COUNT, 151);
        for permission in Permission::all() {
            assert_eq!(Permission::from_name(permission.name()), Some(permission));
        }
        assert_eq!(Permission::from_name("EVERYTHING"), None);
        assert_eq!(Permission::SPACE_READ.name(), "SPACE_READ");
    }

    fn sets() -> impl Strategy<Value = PermissionSet> {
        proptest::collection::vec(0..Permission::COUNT, 0..40)
            .prop_map(|places| places.into_iter().filter_map(|place| Permission::all().nth(place)).collect())
    }

    proptest! {
        #[test]
        fn a_set_survives_being_stored(set in sets()) {
            prop_assert_eq!(PermissionSet::from_bytes(set.to_bytes()), set);
            prop_assert_eq!(set.iter().collect::<PermissionSet>(), set);
        }

        #[test]
        fn set_operations_work(one in sets(), other in sets()) {
            let both = one.union(other);
            prop_assert!(one.is_within(both) && other.is_within(both));
            prop_assert_eq!(one.is_within(other), one.iter().all(|permission| other.contains(permission)));
            prop_assert_eq!(one.is_empty(), one.iter().next().is_none());
        }

        #[test]
        fn unknown_bits_are_ignored(bytes in any::<[u8; PermissionSet::BYTES]>()) {
            prop_assert!(PermissionSet::from_bytes(bytes).iter().all(|permission| usize::from(permission.0) < Permission::COUNT));
        }
    }
}
