"""The engine `native` against OpenVINO GenAI and llama.cpp, its quality, and its endurance."""
