mod promises;
mod scripts;
mod world;
