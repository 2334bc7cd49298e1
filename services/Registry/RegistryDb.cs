using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Registry;

internal sealed class RegistryDb(DbContextOptions<RegistryDb> options) : ServiceDb(options);
