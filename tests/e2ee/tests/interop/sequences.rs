//! The page's state machine and ours in one room, through whatever a seed draws: people come, leave and are
//! sent out, lines are cut at the worst moment, two commit at once, commits are lost or come twice.
//! Whoever is in an epoch has the same key and the same members as everybody else in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use e2ee_member::ParticipantId;
use e2ee_member::attendance::{Attendance, GroupId, Heard, Output, Say};
use e2ee_member::{link, to_base64url};
use serde_json::{Value, json};

use super::delivery::{Delivery, Effects, Told};
use super::pages::{MODERATOR, NOW, Pages, ground, id, member, text};

/// An epoch as its members know it: its key, and who has which leaf.
type Known = (Vec<u8>, Vec<(u64, Vec<u8>)>);

struct World {
    seed: u64,
    random: u64,
    start: Instant,
    /// Milliseconds since the start.
    now: u64,
    pages: Pages,
    server: Delivery,
    people: BTreeMap<ParticipantId, Person>,
    /// Those who were sent out and go on listening.
    outcasts: BTreeMap<ParticipantId, Person>,
    epochs: BTreeMap<(GroupId, u64), Known>,
    refused: Vec<String>,
    newcomers: u8,
    /// Whether lines are cut.
    cuts: bool,
    /// Whether commits are lost or come twice.
    losses: bool,
}

struct Person {
    /// `None` for a page.
    ours: Option<Box<Attendance>>,
    is_online: bool,
    mail: VecDeque<(u64, Told)>,
    /// Of a page: what is not answered yet, and when to wake it.
    asked: BTreeSet<u32>,
    wake_at: Option<u64>,
    /// The newest epoch it was in.
    newest: Option<(GroupId, u64)>,
}

impl World {
    fn new(seed: u64, losses: bool) -> Self {
        Self {
            seed,
            random: seed,
            start: Instant::now(),
            now: 0,
            pages: Pages::start(),
            server: Delivery::default(),
            people: BTreeMap::new(),
            outcasts: BTreeMap::new(),
            epochs: BTreeMap::new(),
            refused: Vec::new(),
            newcomers: 0,
            cuts: true,
            losses,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        // A linear congruence is random enough to put events in another order each time.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % below
    }

    fn one_of(&mut self, choose: impl Fn(&Person) -> bool) -> Option<ParticipantId> {
        let some = self.people.iter().filter(|(_, person)| choose(person));
        let some: Vec<ParticipantId> = some.map(|(who, _)| *who).collect();
        let at = self.draw(some.len().max(1) as u64);
        some.get(usize::try_from(at).expect("a small room")).copied()
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    fn place(&self) -> Value {
        let place = self.server.place();
        place.map_or(
            Value::Null,
            |(group, epoch)| json!({"group": to_base64url(&group), "epoch": epoch}),
        )
    }

    fn present(&self) -> Vec<String> {
        self.people.keys().map(|who| to_base64url(who)).collect()
    }

    /// Somebody comes, as one of ours or as a page.
    fn come(&mut self) {
        self.newcomers += 1;
        let who = id(self.newcomers);
        self.post_all(Told::Heard(Heard::Present(who)));
        let mut person = Person {
            ours: None,
            is_online: true,
            mail: VecDeque::new(),
            asked: BTreeSet::new(),
            wake_at: None,
            newest: None,
        };
        if self.draw(2) == 0 {
            let (keys, identity) = member(self.newcomers);
            let now = self.instant();
            let mut ours = Attendance::new(now, NOW, keys, identity, ground(), 1);
            for other in self.people.keys() {
                ours.hear(now, Heard::Present(*other));
            }
            ours.begin(self.server.place().is_some());
            person.ours = Some(Box::new(ours));
            self.people.insert(who, person);
            self.follow(who);
        } else {
            self.pages.meet(self.newcomers, link::guest_secret(&MODERATOR, 0));
            self.pages.must(&json!({"op": "attend", "id": self.newcomers}));
            self.people.insert(who, person);
            self.enter_page(who);
        }
    }

    fn enter_page(&mut self, who: ParticipantId) {
        let (present, place) = (self.present(), self.place());
        let told = self.ask(who, json!({"op": "enter", "present": present, "place": place}));
        self.follow_page(who, &told);
    }

    fn leave(&mut self, who: ParticipantId, is_sent_out: bool) {
        let Some(mut person) = self.people.remove(&who) else { return };
        if is_sent_out && person.is_online {
            person.mail.clear();
            self.outcasts.insert(who, person);
        }
        self.post_all(Told::Heard(Heard::Gone(who)));
        let effects = self.server.forget(who);
        self.carry(effects);
    }

    fn cut(&mut self, who: ParticipantId) {
        let Some(person) = self.people.get_mut(&who) else { return };
        person.is_online = false;
        person.mail.clear();
        for request in std::mem::take(&mut person.asked) {
            let ask = json!({"op": "answer", "request": request, "outcome": "lost"});
            let told = self.ask(who, ask);
            self.follow_page(who, &told);
        }
    }

    fn come_back(&mut self, who: ParticipantId) {
        let (now, circle) = (self.instant(), self.server.place());
        let present = self.people.keys().copied().collect();
        let Some(person) = self.people.get_mut(&who) else { return };
        person.is_online = true;
        if let Some(ours) = &mut person.ours {
            ours.hear(now, Heard::Back { present, circle });
            self.follow(who);
        } else {
            self.enter_page(who);
        }
    }

    fn post(&mut self, to: ParticipantId, told: Told) {
        let is_commit = matches!(told, Told::Heard(Heard::Committed { .. }));
        let luck = if self.losses && is_commit { self.draw(12) } else { u64::MAX };
        // Slower than the next in line waits, now and then.
        let delay = if self.draw(8) == 0 { self.draw(1_200) } else { self.draw(100) };
        let now = self.now;
        let person = self.people.get_mut(&to).or_else(|| self.outcasts.get_mut(&to));
        let Some(person) = person.filter(|person| person.is_online) else { return };
        let at = person.mail.back().map_or(now, |(at, _)| *at).max(now + delay);
        let copies = match luck {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            person.mail.push_back((at, told.clone()));
        }
    }

    fn post_all(&mut self, told: Told) {
        for to in self.people.keys().copied().collect::<Vec<_>>() {
            self.post(to, told.clone());
        }
    }

    fn carry(&mut self, effects: Effects) {
        let commits: Vec<Told> = effects
            .iter()
            .map(|(_, told)| told)
            .filter(|told| matches!(told, Told::Heard(Heard::Committed { .. })))
            .cloned()
            .collect();
        for (to, told) in effects {
            self.post(to, told);
        }
        // Whoever was sent out overhears the commits until they are removed.
        if let Some(commit) = commits.first() {
            for who in self.outcasts.keys().copied().collect::<Vec<_>>() {
                self.post(who, commit.clone());
            }
        }
    }

    /// The server gets a request, unless the line is cut just then.
    fn request(&mut self, who: ParticipantId, request: u32, say: Say) {
        if self.outcasts.contains_key(&who) {
            return;
        }
        let is_cut = self.cuts && self.draw(40) == 0;
        if is_cut && self.draw(2) == 0 {
            return self.cut(who);
        }
        let effects = self.server.serve(who, request, say);
        self.carry(effects);
        if is_cut {
            self.cut(who);
        }
    }

    /// Does what one of ours wants done.
    fn follow(&mut self, who: ParticipantId) {
        loop {
            let person = self.people.get_mut(&who).or_else(|| self.outcasts.get_mut(&who));
            let Some(Person { ours: Some(ours), is_online, .. }) = person else { return };
            let is_online = *is_online;
            match ours.poll_output() {
                None => return,
                Some(Output::Say(request, say)) if is_online => self.request(who, request, say),
                Some(Output::Open(keys)) => {
                    let circle = ours.circle().expect("it has keys");
                    let group = circle.group_id().try_into().expect("16 bytes");
                    let leaves = circle.leaves().iter();
                    let leaves = leaves
                        .map(|leaf| (leaf.index.into(), leaf.identity.participant.to_vec()))
                        .collect();
                    self.entered(who, (group, keys.epoch), (keys.base_key.to_vec(), leaves));
                }
                Some(Output::Broken(error)) => self.note_refused(who, error.to_string()),
                Some(Output::Say(..) | Output::Seal(_) | Output::Outside) => {}
            }
        }
    }

    fn ask(&mut self, who: ParticipantId, mut question: Value) -> Value {
        question["id"] = who[0].into();
        question["now"] = self.now.into();
        self.pages.must(&question)
    }

    /// Does what a page wants done.
    fn follow_page(&mut self, who: ParticipantId, told: &Value) {
        for epoch in told["epochs"].as_array().expect("a list") {
            let group = text(&epoch["group"]).try_into().expect("16 bytes");
            let leaves = epoch["leaves"].as_array().expect("a list").iter();
            let leaves =
                leaves.map(|leaf| (leaf[0].as_u64().expect("a number"), text(&leaf[1]))).collect();
            let number = epoch["epoch"].as_u64().expect("a number");
            self.entered(who, (group, number), (text(&epoch["baseKey"]), leaves));
        }
        for why in told["refusals"].as_array().expect("a list") {
            self.note_refused(who, why.to_string());
        }
        let person = self.people.get_mut(&who).or_else(|| self.outcasts.get_mut(&who));
        let Some(person) = person else { return };
        person.wake_at = told["wakeAt"].as_f64().map(|at| at.ceil() as u64);
        for asked in told["asked"].as_array().expect("a list") {
            let request = asked["request"].as_u64().expect("a number");
            let request = u32::try_from(request).expect("few are asked");
            let person = self.people.get_mut(&who).filter(|person| person.is_online);
            if let Some(person) = person {
                person.asked.insert(request);
                self.request(who, request, read(asked));
            } else if self.people.contains_key(&who) {
                let ask = json!({"op": "answer", "request": request, "outcome": "lost"});
                let told = self.ask(who, ask);
                self.follow_page(who, &told);
            }
        }
    }

    /// Whoever was sent out does not hear who came since, and refuses what adds them.
    fn note_refused(&mut self, who: ParticipantId, why: String) {
        if self.people.contains_key(&who) {
            self.refused.push(why);
        }
    }

    /// Somebody is in an epoch: as everybody who is.
    fn entered(&mut self, who: ParticipantId, epoch: (GroupId, u64), known: Known) {
        let removed = self.outcasts.get(&who).and(self.server.removed.get(&who));
        assert!(removed.is_none_or(|at| epoch.1 < *at), "seed {}: keys after a removal", self.seed);
        let first = self.epochs.entry(epoch).or_insert_with(|| known.clone());
        assert_eq!(*first, known, "seed {}: {who:?} in epoch {}", self.seed, epoch.1);
        let person = self.people.get_mut(&who).or_else(|| self.outcasts.get_mut(&who));
        let person = person.expect("it is here");
        let before = person.newest.filter(|(group, _)| *group == epoch.0);
        assert!(before.is_none_or(|(_, before)| before < epoch.1), "seed {}: back", self.seed);
        person.newest = Some(epoch);
    }

    fn deliver(&mut self, who: ParticipantId, told: Told) {
        let now = self.instant();
        let person = self.people.get_mut(&who).or_else(|| self.outcasts.get_mut(&who));
        let Some(person) = person else { return };
        let end = match (&told, self.server.removed.get(&who)) {
            (Told::Heard(Heard::Committed { epoch, .. }), Some(removed)) => epoch >= removed,
            _ => false,
        };
        if let Some(ours) = &mut person.ours {
            ours.hear(now, heard(told));
            self.follow(who);
        } else {
            let ask = match told {
                Told::Answer { request, refusal } => {
                    if !person.asked.remove(&request) {
                        return;
                    }
                    json!({"op": "answer", "request": request, "outcome": refusal.unwrap_or("done")})
                }
                Told::Welcome { group, epoch, welcome } => {
                    json!({"op": "hear", "message": welcome_to(&group, epoch, &welcome)})
                }
                Told::Heard(heard) => json!({"op": "hear", "message": written(&heard)}),
            };
            let told = self.ask(who, ask);
            self.follow_page(who, &told);
        }
        if end {
            self.outcasts.remove(&who);
        }
    }

    fn wake(&mut self, who: ParticipantId) {
        let now = self.instant();
        let Some(person) = self.people.get_mut(&who) else { return };
        if let Some(ours) = &mut person.ours {
            ours.handle_timeout(now);
            self.follow(who);
        } else {
            let told = self.ask(who, json!({"op": "wake"}));
            self.follow_page(who, &told);
        }
    }

    fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        let mut steps = 0;
        loop {
            let start = self.start;
            let mail = self.people.iter().chain(&self.outcasts);
            let mail = mail.filter_map(|(who, one)| Some((one.mail.front()?.0, *who, true)));
            let wakes = self.people.iter().filter_map(|(who, one)| {
                let timeout = one.ours.as_ref().map(|ours| ours.poll_timeout());
                let own =
                    timeout.map(|at| at.map(|at| millis(at.saturating_duration_since(start))));
                Some((own.unwrap_or(one.wake_at)?, *who, false))
            });
            let next = mail.chain(wakes).min().filter(|(at, ..)| *at <= end);
            let Some((at, who, is_mail)) = next else { break };
            self.now = self.now.max(at);
            if is_mail {
                let person = self.people.get_mut(&who).or_else(|| self.outcasts.get_mut(&who));
                let (_, told) = person.and_then(|one| one.mail.pop_front()).expect("mail");
                self.deliver(who, told);
            } else {
                self.wake(who);
            }
            steps += 1;
            assert!(steps < MOST_STEPS, "seed {}: it goes on without end", self.seed);
        }
        self.now = end;
    }

    /// Something happens.
    fn happen(&mut self) {
        let is_full = self.people.len() >= MOST_PEOPLE;
        match self.draw(10) {
            0..=3 if !is_full => self.come(),
            0..=4 => {
                let who = self.one_of(|_| true);
                who.into_iter().for_each(|who| self.leave(who, false));
            }
            5 => {
                let who = self.one_of(|person| person.is_online);
                who.into_iter().for_each(|who| self.leave(who, true));
            }
            6 | 7 => {
                let who = self.one_of(|person| person.is_online);
                who.into_iter().for_each(|who| self.cut(who));
            }
            _ => {
                let who = self.one_of(|person| !person.is_online);
                who.into_iter().for_each(|who| self.come_back(who));
            }
        }
    }

    /// Everybody is back, nothing is lost any more, and one more comes: all are in one epoch.
    fn settle(&mut self) {
        (self.cuts, self.losses) = (false, false);
        while let Some(who) = self.one_of(|person| !person.is_online) {
            self.come_back(who);
        }
        self.run(30_000);
        self.come();
        self.run(30_000);
        let all: BTreeSet<ParticipantId> = self.people.keys().copied().collect();
        assert_eq!(self.server.members(), all, "seed {}", self.seed);
        let place = self.server.place().expect("a circle");
        for (who, person) in &self.people {
            assert_eq!(person.newest, Some(place), "seed {}: {who:?}", self.seed);
        }
        let (_, leaves) = &self.epochs[&place];
        let leaves: BTreeSet<Vec<u8>> = leaves.iter().map(|(_, who)| who.clone()).collect();
        assert_eq!(leaves, all.iter().map(|who| who.to_vec()).collect(), "seed {}", self.seed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short test")
}

fn heard(told: Told) -> Heard {
    match told {
        Told::Heard(heard) => heard,
        Told::Welcome { group, welcome, .. } => Heard::Welcome { group, welcome },
        Told::Answer { request, refusal: None } => Heard::Done(request),
        Told::Answer { request, refusal: Some(_) } => Heard::NotDone(request),
    }
}

fn welcome_to(group: &GroupId, epoch: u64, welcome: &[u8]) -> Value {
    json!({
        "type": "mls_welcome",
        "group": to_base64url(group),
        "epoch": epoch,
        "welcome": to_base64url(welcome),
    })
}

/// As the server says it to a page.
fn written(heard: &Heard) -> Value {
    match heard {
        Heard::Present(who) => {
            json!({"type": "participant_joined", "participant": {"participant": to_base64url(who)}})
        }
        Heard::Gone(who) => {
            json!({"type": "participant_left", "participant": to_base64url(who)})
        }
        Heard::Wanted { participant, key_package } => json!({
            "type": "mls_wanted",
            "participant": to_base64url(participant),
            "keyPackage": to_base64url(key_package),
        }),
        Heard::Committed { group, epoch, commit, by } => json!({
            "type": "mls_committed",
            "group": to_base64url(group),
            "epoch": epoch,
            "commit": to_base64url(commit),
            "by": to_base64url(by),
        }),
        Heard::Lost => json!({"type": "mls_lost"}),
        Heard::Welcome { .. }
        | Heard::AllReady { .. }
        | Heard::Back { .. }
        | Heard::Done(_)
        | Heard::NotDone(_) => panic!("no page is told {heard:?}"),
    }
}

/// What a page asks.
fn read(asked: &Value) -> Say {
    let group = || text(&asked["group"]).try_into().expect("16 bytes");
    let epoch = || asked["epoch"].as_u64().expect("a number");
    let people = |of: &str| {
        let list = asked[of].as_array().expect("a list").iter();
        list.map(|who| text(who).try_into().expect("8 bytes")).collect()
    };
    match asked["type"].as_str() {
        Some("mls_create") => Say::Create { group: group() },
        Some("mls_key_package") => Say::KeyPackage { key_package: text(&asked["keyPackage"]) },
        Some("mls_ready") => Say::Ready { group: group(), epoch: epoch() },
        Some("mls_resume") => Say::Resume { group: group(), epoch: epoch() },
        Some("mls_commit") => Say::Commit {
            group: group(),
            epoch: epoch(),
            commit: text(&asked["commit"]),
            welcome: Some(&asked["welcome"]).filter(|welcome| !welcome.is_null()).map(text),
            added: people("added"),
            removed: people("removed"),
        },
        _ => panic!("a page asks {asked}"),
    }
}

/// Runs one seed; gives how many commits came second, and what was refused.
fn play(seed: u64, losses: bool) -> (usize, Vec<String>) {
    let mut world = World::new(seed, losses);
    world.come();
    for _ in 0..EVENTS {
        world.happen();
        let pause = world.draw(600);
        world.run(pause);
    }
    world.settle();
    let World { server, refused, epochs, .. } = world;
    eprintln!("seed {seed}: {} epochs, {} commits came second", epochs.len(), server.stale);
    (server.stale, refused)
}

/// What happens in one run.
const EVENTS: usize = 40;
const MOST_PEOPLE: usize = 7;
/// More than the busiest seed takes.
const MOST_STEPS: usize = 20_000;

#[test]
fn both_are_in_the_same_epochs_whatever_happens() {
    let mut stale = 0;
    for seed in 0..6 {
        let (second, refused) = play(seed, false);
        assert_eq!(refused, Vec::<String>::new(), "seed {seed}");
        stale += second;
    }
    assert!(stale > 0, "two never commit at once");
}

#[test]
fn both_are_in_the_same_epochs_where_commits_are_lost_or_come_twice() {
    for seed in 100..106 {
        // Who was there when a commit was made may not be known where it comes late: then it is refused.
        play(seed, true);
    }
}
