//! Made-up pharmacies, hospitals and the people in them.

use crate::record::{Creator, Institution, Person, Prescriber};

/// A pharmacy of the sample world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pharmacy {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) address: &'static str,
    pub(super) phone: &'static str,
    pub(super) pharmacist: &'static str,
    /// Its computer writes drug names in half-width letters and encloses usages in 【】.
    pub(super) is_half_width: bool,
    /// It prints the generic name beside the product's.
    pub(super) prints_generic: bool,
}

/// A hospital or clinic of the sample world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hospital {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) fee_table: &'static str,
    pub(super) doctor: &'static str,
    pub(super) department: &'static str,
}

pub(super) const PHARMACIES: [Pharmacy; 4] = [
    Pharmacy {
        name: "みほん薬局 駅前店",
        code: "0000011",
        address: "見本県例示市駅前1-1-1",
        phone: "000-000-0011",
        pharmacist: "薬師寺 みどり",
        is_half_width: false,
        prints_generic: true,
    },
    Pharmacy {
        name: "れいじ調剤薬局",
        code: "0000012",
        address: "見本県例示市仮町2-3",
        phone: "000-000-0012",
        pharmacist: "調布 一包",
        is_half_width: true,
        prints_generic: false,
    },
    Pharmacy {
        name: "かりまち薬局",
        code: "0000013",
        address: "見本県例示市仮町5-8",
        phone: "000-000-0013",
        pharmacist: "散田 匙",
        is_half_width: false,
        prints_generic: false,
    },
    Pharmacy {
        name: "見本大学前薬局",
        code: "0000014",
        address: "見本県例示市大学通10",
        phone: "000-000-0014",
        pharmacist: "錠内 円",
        is_half_width: true,
        prints_generic: true,
    },
];

pub(super) const INTERNAL: Hospital =
    Hospital {
        name: "れいじ内科クリニック", code: "0001001", fee_table: "1", doctor: "内野 脈", department: "内科"
    };
pub(super) const CARDIOLOGY: Hospital =
    Hospital {
        name: "見本中央病院", code: "0001002", fee_table: "1", doctor: "鼓動 正", department: "循環器内科"
    };
pub(super) const DIABETES: Hospital =
    Hospital {
        name: "見本中央病院", code: "0001002", fee_table: "1", doctor: "糖谷 測", department: "糖尿病内科"
    };
pub(super) const CHEST: Hospital =
    Hospital {
        name: "かりまち呼吸器科", code: "0001003", fee_table: "1", doctor: "息吹 深", department: "呼吸器内科"
    };
pub(super) const ORTHOPAEDICS: Hospital =
    Hospital { name: "例示整形外科", code: "0001004", fee_table: "1", doctor: "骨川 直", department: "整形外科" };
pub(super) const EYES: Hospital =
    Hospital { name: "みほん眼科", code: "0001005", fee_table: "1", doctor: "見崎 瞳", department: "眼科" };
pub(super) const SKIN: Hospital =
    Hospital { name: "かりの皮膚科", code: "0001006", fee_table: "1", doctor: "肌野 潤", department: "皮膚科" };
pub(super) const CHILDREN: Hospital =
    Hospital {
        name: "れいじこどもクリニック", code: "0001007", fee_table: "1", doctor: "小泉 育", department: "小児科"
    };
pub(super) const MIND: Hospital =
    Hospital {
        name: "見本こころの診療所", code: "0001008", fee_table: "1", doctor: "静間 和", department: "心療内科"
    };
pub(super) const RHEUMATOLOGY: Hospital =
    Hospital {
        name: "見本大学病院", code: "0001009", fee_table: "1", doctor: "関 節子", department: "膠原病内科"
    };
pub(super) const DENTIST: Hospital =
    Hospital { name: "例示歯科医院", code: "0003001", fee_table: "3", doctor: "歯朶 磨", department: "歯科" };

/// Prefecture number of the made-up places; a real number, since files must have one.
const PREFECTURE: &str = "13";

impl Pharmacy {
    /// As record 11 has it.
    pub(super) fn institution(&self) -> Institution {
        Institution {
            name: self.name.to_owned(),
            prefecture: PREFECTURE.to_owned(),
            fee_table: "4".to_owned(),
            code: self.code.to_owned(),
            postcode: "000-0000".to_owned(),
            address: self.address.to_owned(),
            phone: self.phone.to_owned(),
            creator: Some(Creator::Medical),
        }
    }

    /// As record 15 has it.
    pub(super) fn dispenser(&self) -> Person {
        Person { name: self.pharmacist.to_owned(), contact: self.phone.to_owned(), creator: Some(Creator::Medical) }
    }
}

impl Hospital {
    /// As record 51 has it.
    pub(super) fn institution(&self) -> Institution {
        Institution {
            name: self.name.to_owned(),
            prefecture: PREFECTURE.to_owned(),
            fee_table: self.fee_table.to_owned(),
            code: self.code.to_owned(),
            creator: Some(Creator::Medical),
            ..Institution::default()
        }
    }

    /// As record 55 has it.
    pub(super) fn prescriber(&self) -> Prescriber {
        Prescriber { name: self.doctor.to_owned(), department: self.department.to_owned(), creator: Some(Creator::Medical) }
    }
}
